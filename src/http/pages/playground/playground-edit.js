// Editing an image: the source, the mask that is painted over it, and how strongly it is changed.

import { Refusal } from "./playground-api.js";
import { blankImage, hasClearPixels } from "./playground-blank.js";
import { maskFile } from "./playground-mask.js";
import { Painter } from "./playground-painter.js";
import { listenForFiles, sizeOf } from "./playground-source.js";
import { CHOSEN } from "./playground-store.js";
import { count, part, say, terms } from "./playground-words.js";

/** Names that need no quotes in any program. */
const PLAIN_NAME = /^[A-Za-z0-9][\w.-]*$/;
const EXTENSIONS = { "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp" };
/** Fields of the form, and the elements that they are in. */
const FIELDS = { mode: "mask-mode", crop: "crop", feather: "feather" };

export class Edit {
  #store;
  #onChange;
  #onBegin;
  #painter = new Painter(() => this.#changed());
  /** The image that is edited: its id in the store, name, file, width and height; or null. */
  #source = null;
  /** Whether somebody chose the strength; otherwise it is the server's default. */
  #isStrengthChosen = false;

  /** Calls `onChange` after each change, `onBegin` when an image is chosen, and `onProblem` with what is wrong with a file. */
  constructor(store, { onChange, onBegin, onProblem }) {
    this.#store = store;
    this.#onChange = onChange;
    this.#onBegin = onBegin;
    listenForFiles({
      onFile: (file) => this.#choose(file, onProblem),
      onOther: () => onProblem(say("bad-file")),
    });
    part("source-remove").addEventListener("click", () => {
      this.close();
      onChange();
      part("prompt").focus();
    });
    part("strength").addEventListener("input", () => { this.#isStrengthChosen = true; this.#changed(); });
    for (const id of Object.values(FIELDS)) part(id).addEventListener("input", () => this.#changed());
    part("save-mask").addEventListener("click", () => this.#saveMask());
  }

  /** Whether an image is edited. */
  get isOpen() {
    return this.#source !== null;
  }

  /** What the panel says, to be kept; null if no image is edited. */
  settings() {
    if (!this.#source) return null;
    const { id, width, height } = this.#source;
    return {
      source: id,
      size: `${width}x${height}`,
      steps: [...this.#painter.steps],
      isMasked: this.#painter.painted.share > 0,
      box: this.#painter.painted.box,
      strength: this.#isStrengthChosen ? Number(part("strength").value) : null,
      mode: part("mask-mode").value,
      crop: part("crop").value,
      feather: part("feather").value === "" ? null : Number(part("feather").value),
    };
  }

  /** The files of the request: the image, and the mask or null. */
  async files() {
    if (!this.#source) return null;
    const { file, width, height } = this.#source;
    return { image: new File([file], this.#name(), { type: file.type }), mask: await this.#maskFile(width, height) };
  }

  /** The files of a quote: a blank image costs what the source does, unless the source holds its own mask. */
  async filesOfQuote() {
    if (!this.#source) return null;
    const source = this.#source;
    const { file, width, height } = source;
    const mask = await this.#maskFile(width, height);
    if (!mask) {
      source.isOwnMask ??= hasClearPixels(file);
      if (await source.isOwnMask) return { image: file, mask };
    }
    source.blank ??= blankImage(width, height);
    return { image: await source.blank, mask };
  }

  /** The names of these files in programs. */
  names() {
    if (!this.#source) return null;
    return { image: this.#name(), type: this.#source.file.type, mask: this.#painter.painted.share > 0 ? "mask.png" : null };
  }

  /** Edits `source`, as the store has it. */
  async open(source, { steps = [], strength = null, mode, crop, feather } = {}) {
    const size = await sizeOf(source.file);
    if (!size) return false;
    this.#source = { id: source.id, name: source.name ?? "", file: source.file, ...size };
    this.#isStrengthChosen = strength !== null;
    if (strength !== null) part("strength").value = strength;
    if (mode) part("mask-mode").value = mode;
    if (crop) part("crop").value = crop;
    if (feather !== undefined) part("feather").value = feather ?? "";
    this.#show(size);
    this.#painter.open(size, steps);
    this.#look();
    return true;
  }

  /** Edits the image that `settings` name, if it is still kept; none if they name none. */
  async restore(settings) {
    const source = settings ? await this.#store.image(settings.source) : undefined;
    if (!source || !(await this.open(source, settings))) this.close();
  }

  /** Edits no image. */
  close() {
    this.#source = null;
    part("edit").hidden = true;
    URL.revokeObjectURL(part("source").src);
    part("source").removeAttribute("src");
  }

  /** Edits `image` from now on, and brings it into sight. */
  async begin(image) {
    if (!(await this.open(image))) return;
    this.#onBegin();
    part("edit").scrollIntoView({ block: "nearest" });
    part("mask").focus({ preventScroll: true });
  }

  async #choose(file, onProblem) {
    if (file.size > terms.edit.bytes_max) {
      return onProblem(say("large-file", { megabytes: count(terms.edit.bytes_max / 1e6) }));
    }
    if (!(await sizeOf(file))) return onProblem(say("bad-file"));
    const chosen = { kind: CHOSEN, file, name: file.name, at: Date.now() };
    // If the disk is full, it lasts as long as the page.
    const id = await this.#store.add(chosen).catch(() => null);
    return this.begin({ ...chosen, id });
  }

  async #maskFile(width, height) {
    try {
      return this.#painter.painted.share > 0 ? await maskFile(this.#painter.steps, width, height) : null;
    } catch (error) {
      // Browsers have canvases up to some size, phones smaller ones.
      throw new Refusal("mask", { message: String(error) });
    }
  }

  async #saveMask() {
    const { mask } = (await this.files()) ?? {};
    if (!mask) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(mask);
    link.download = mask.name;
    link.click();
    // Once the browser has begun to save it.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  #name() {
    const { name, file } = this.#source;
    return PLAIN_NAME.test(name) && name !== "mask.png" ? name : `source.${EXTENSIONS[file.type] ?? "png"}`;
  }

  #show({ width, height }) {
    const image = part("source");
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(this.#source.file);
    const save = part("save-source");
    [save.href, save.download] = [image.src, this.#name()];
    part("source-name").textContent = `${this.#source.name || this.#name()} · ${width}×${height}`;
    const { style } = part("paper");
    style.aspectRatio = `${width} / ${height}`;
    style.maxWidth = `${(66 * width) / height}vh`;
    part("edit").hidden = false;
  }

  #changed() {
    this.#look();
    this.#onChange();
  }

  /** Shows what follows from the values. */
  #look() {
    const isMasked = this.#painter.painted.share > 0;
    const strength = part("strength");
    if (!this.#isStrengthChosen) strength.value = isMasked ? terms.edit.masked_strength : terms.edit.unmasked_strength;
    for (const id of [...Object.values(FIELDS), "save-mask"]) part(id).disabled = !isMasked;
  }

  /** Shows how many of `all` steps are run at the chosen strength. */
  showSteps(all) {
    const strength = Number(part("strength").value);
    const run = stepsRun(all, strength);
    part("strength-steps").textContent = say("strength-steps", { strength, run: count(run), all: count(all) });
    part("strength-all").hidden = run < all || this.#painter.painted.share > 0;
  }
}

/** How many of `all` steps an edit of `strength` runs. Source: diffusers' `ZImageImg2ImgPipeline.get_timesteps`. */
export function stepsRun(all, strength) {
  return Math.max(1, all - Math.trunc(Math.max(all - Math.min(all * strength, all), 0)));
}
