// The form: what it asks for, what it is filled with, and what it will not take.

import { count, part, say, terms } from "./playground-words.js";

/** Fields of the API and the elements that they come from. */
const ELEMENTS = {
  prompt: "prompt", negative_prompt: "negative", size: "sizes", n: "count", quality: "quality", seed: "seed",
  steps: "steps", guidance_scale: "guidance", output_format: "format", image: "source-file", mask: "mask",
  lora: "lora-entry", strength: "strength", mask_mode: "mask-mode", crop: "crop", feather: "feather",
};

/** The element for the API's `field`; none where the form has none. */
export function elementOf(field) {
  const element = part(ELEMENTS[field] ?? "");
  return element?.id === "sizes" ? element.querySelector("input:checked") : element;
}

export class Form {
  #element = part("paint-form");
  #edit;
  #loras;
  #onChange;
  #onKeep;
  /** Whether an image with the seed in the form has been asked for. */
  #isSeedUsed = false;
  /** Whether somebody has changed the form since the page was opened. */
  #isTouched = false;

  /** With `loras`, and `edit` or null, calls `onChange` after each change, and `onKeep` with the settings that are to outlive the page. */
  constructor({ edit, loras, onChange, onKeep }) {
    this.#edit = edit;
    this.#loras = loras;
    this.#onChange = onChange;
    this.#onKeep = onKeep;
    this.#roll();
    part("dice").addEventListener("click", () => { this.#roll(); this.changed(); });
    part("lock").addEventListener("click", () => { this.#lock(!this.#isLocked()); this.#keep(); });
    // A seed that was written by hand is meant.
    part("seed").addEventListener("input", () => this.#lock(true));
    this.#element.addEventListener("input", () => this.changed());
    this.#look();
  }

  /** What the form says. */
  settings() {
    const size = this.#element.elements.size.value;
    return {
      prompt: part("prompt").value,
      negative: part("negative").value,
      size: size === "custom" ? `${part("width").value}x${part("height").value}` : size,
      quality: part("quality").value,
      steps: part("steps").value === "" ? null : Number(part("steps").value),
      guidance: Number(part("guidance").value),
      n: Number(part("count").value),
      format: part("format").value,
      seed: Number(part("seed").value),
      preview: part("preview").checked,
      keep: part("keep").checked,
      loras: this.#loras.settings(),
      edit: this.#edit?.settings() ?? null,
    };
  }

  /** The files of a quote of the same. */
  async filesOfQuote() {
    return (await this.#edit?.filesOfQuote()) ?? null;
  }

  /** The files of an edit; null if no image is edited. */
  async files() {
    return (await this.#edit?.files()) ?? null;
  }

  /** An edit has begun: its answer has the size of its source, unless another is chosen. */
  editBegun() {
    this.#element.elements.size.value = "auto";
    this.changed();
  }

  /** Other LoRAs are offered. */
  loadedLoras() {
    this.#onChange();
  }

  /** Puts a draft back, unless something newer was typed. A value that this server does not offer leaves the field as it is. */
  async restore(draft) {
    if (this.#isTouched) return;
    await this.#edit?.restore(draft.edit);
    const { seed } = this.settings();
    const isLocked = draft.locked === true;
    this.#put({ ...this.settings(), ...draft, seed: isLocked ? draft.seed : seed });
    part("preview").checked = draft.preview !== false;
    part("keep").checked = draft.keep === true;
    this.#lock(isLocked);
    this.#look();
    this.#onChange();
  }

  /** Takes `settings` over; unless `locks` is false, their seed is meant. */
  async fill(settings, { locks = true } = {}) {
    await this.#edit?.restore(settings.edit);
    this.#put(settings);
    if (locks) this.#lock(true);
    this.changed();
    part("prompt").focus();
  }

  #put(settings) {
    const sizes = [...this.#element.elements.size];
    const preset = sizes.find((radio) => radio.value === settings.size);
    (preset ?? sizes.at(-1)).checked = true;
    if (settings.size !== "auto") [part("width").value, part("height").value] = settings.size.split("x");
    part("prompt").value = settings.prompt;
    this.#loras.restore(settings.loras ?? []);
    part("negative").value = settings.negative;
    choose(part("quality"), settings.quality);
    part("steps").value = settings.steps ?? "";
    part("guidance").value = settings.guidance;
    choose(part("count"), settings.n);
    choose(part("format"), settings.format);
    part("seed").value = settings.seed;
    part("more").open ||= settings.steps !== null || settings.guidance > 0;
  }

  /** A new seed, if the form's has been used and is not locked. */
  begin() {
    if (this.#isSeedUsed && !this.#isLocked()) {
      this.#roll();
      this.changed();
    }
    this.#isSeedUsed = true;
  }

  /** Whether all but the prompt can be asked for. */
  isPossible() {
    return [...this.#element.elements].every((element) => element.id === "prompt" || element.validity?.valid !== false);
  }

  /** Whether all can be asked for; says what is in the way. */
  check() {
    const prompt = part("prompt");
    prompt.setCustomValidity(prompt.value.trim() === "" ? say("no-prompt") : "");
    const invalid = this.#element.querySelector(":invalid:not(fieldset)");
    for (let around = invalid?.closest("details"); around; around = null) around.open = true;
    return this.#element.reportValidity();
  }

  /** Something has changed, here or in the edit. */
  changed() {
    this.#isTouched = true;
    this.#look();
    this.#keep();
    this.#onChange();
  }

  /** Shows what follows from the values. */
  #look() {
    part("prompt").setCustomValidity("");
    this.#checkSides();
    this.#checkSeed();
    part("negative-entry").hidden = !(Number(part("guidance").value) > 0);
    const steps = terms.steps[part("quality").value];
    part("steps").placeholder = say("by-quality", { steps });
    if (this.#edit) this.#lookAtEdit(Number(part("steps").value) || steps);
  }

  #lookAtEdit(steps) {
    const { isOpen } = this.#edit;
    const { size } = this.#element.elements;
    if (!isOpen && size.value === "auto") size.value = hasPreset(size, terms.default_size) ? terms.default_size : "custom";
    part("size-auto").hidden = !isOpen;
    if (isOpen) this.#edit.showSteps(steps);
  }

  #keep() {
    this.#onKeep({ ...this.settings(), loras: this.#loras.chosen(), locked: this.#isLocked() });
  }

  #checkSides() {
    const isCustom = this.#element.elements.size.value === "custom";
    const sides = [part("width"), part("height")];
    part("sides").hidden = !isCustom;
    for (const side of sides) {
      side.disabled = !isCustom;
      side.required = isCustom;
      side.setCustomValidity("");
      const { badInput, valid } = side.validity;
      if (badInput || !valid) {
        side.setCustomValidity(say("bad-side", { factor: terms.size_factor, side: count(terms.side_max) }));
      }
    }
    const pixels = sides.reduce((product, side) => product * Number(side.value), 1);
    if (isCustom && pixels > terms.pixels_max) {
      sides[0].setCustomValidity(say("bad-pixels", { pixels: count(terms.pixels_max) }));
    }
  }

  #checkSeed() {
    const seed = part("seed");
    const isTooLarge = Number(seed.value) > Number(seed.dataset.max);
    seed.setCustomValidity(isTooLarge ? `≤ ${seed.dataset.max}` : "");
  }

  /** Short enough to be read out, with as many seeds as anyone needs. */
  #roll() {
    part("seed").value = crypto.getRandomValues(new Uint32Array(1))[0];
    this.#isSeedUsed = false;
  }

  #isLocked() {
    return part("lock").getAttribute("aria-pressed") === "true";
  }

  #lock(isLocked) {
    part("lock").setAttribute("aria-pressed", String(isLocked));
  }
}

function hasPreset(sizes, value) {
  return [...sizes].some((radio) => radio.value === value);
}

/** Chooses `value` in a list if the list has it. */
function choose(element, value) {
  const options = element.options;
  if (!options || [...options].some((option) => option.value === String(value))) element.value = value;
}

/** `settings` as the body of a request. */
export function bodyOf(settings) {
  const { prompt, size, quality, n, format, seed, steps, guidance, negative, loras, edit, keep } = settings;
  const body = { prompt, size, quality, n, output_format: format, seed };
  if (steps !== null) body.steps = steps;
  if (keep) body.keep = true;
  if (guidance !== terms.guidance_scale) body.guidance_scale = guidance;
  if (guidance > 0 && negative.trim() !== "") body.negative_prompt = negative;
  // The fields of an edit's form are texts.
  if (loras.length > 0) body.lora = edit ? JSON.stringify(loras) : loras;
  return edit ? { ...body, ...fieldsOf(edit) } : body;
}

/** What an edit adds to the body; what is left to the server is left out. */
function fieldsOf({ isMasked, strength, mode, crop, feather }) {
  const fields = {};
  if (strength !== null) fields.strength = strength;
  if (isMasked && mode !== "exact") fields.mask_mode = mode;
  if (isMasked && crop !== "auto") fields.crop = crop === "yes";
  if (isMasked && feather !== null) fields.feather = feather;
  return fields;
}
