// The card of one image: the image, how it was made, what it cost, and what can be done with it.

import { count, decimal, energy, exact, money, part, say, seconds, source } from "./playground-words.js";

/** How far a small image is enlarged. */
const SCALE_MAX = 2;
/** Height of an image in percent of the window's. */
const HIGH_MAX = 66;

export class Card {
  /** The element in the list. */
  element = part("picture").content.firstElementChild.cloneNode(true);
  #settings;
  /** Addresses that hold images in memory. */
  #held = [];

  /** A card of an image that is still to come, made with `settings`. */
  constructor(settings) {
    this.#settings = settings;
    this.element.classList.add("in-work");
    this.#shape(sizeOf(settings));
    this.part("prompt").textContent = settings.prompt;
    this.#made(settings.quality);
    this.part("image").hidden = true;
  }

  /** The element that has the part `name`. */
  part(name) {
    return this.element.querySelector(`[data-part=${name}]`);
  }

  /** Calls `act` when the button `name` is pressed, if there is one. */
  onPress(name, act) {
    this.part(name)?.addEventListener("click", act);
  }

  /** Shows the image in `file`, which `words` describe. */
  show(file, words) {
    const image = this.part("image");
    this.#release();
    image.src = this.hold(file);
    image.alt = words;
    image.hidden = false;
  }

  /** An address for `file`, for as long as the card shows what it shows. */
  hold(file) {
    const address = URL.createObjectURL(file);
    this.#held.push(address);
    return address;
  }

  /** Shows the image `made`, and its receipt. */
  done(made) {
    this.element.classList.remove("in-work");
    for (const name of ["wait", "progress", "stop"]) this.part(name).remove();
    this.#shape(made.size);
    this.show(made.file, this.#settings.prompt);
    this.#made(made.quality);
    this.#receipt(made);
    this.#computation(made);
    const save = this.part("save");
    save.href = this.part("image").src;
    save.download = made.name;
    const warning = this.part("warning");
    const warnings = [made.warning ? say("warning", { warning: made.warning }) : "", made.isUnknown ? say("was-unknown") : ""];
    warning.textContent = warnings.filter((words) => words !== "").join(" ");
    warning.hidden = warning.textContent === "";
    this.part("done").hidden = false;
  }

  /** Takes the card away. */
  remove() {
    this.#release();
    this.element.remove();
  }

  #release() {
    this.#held.splice(0).forEach((address) => URL.revokeObjectURL(address));
  }

  #shape(size) {
    const [width, height] = size.split("x").map(Number);
    const image = this.part("image");
    [image.width, image.height] = [width, height];
    const { style } = this.part("canvas");
    style.aspectRatio = `${width} / ${height}`;
    // No larger than its pixels bear, and never higher than the window.
    style.maxWidth = `min(${SCALE_MAX * width}px, ${(HIGH_MAX * width) / height}vh)`;
  }

  #made(quality) {
    const { steps, format } = this.#settings;
    const size = sizeOf(this.#settings);
    const label = part("quality").querySelector(`[value=${quality}]`).textContent;
    const [word] = label.split(" · ");
    const how = steps === null ? label : `${word} · ${say("made-steps", { steps })}`;
    const kind = part("format").querySelector(`[value=${format}]`).textContent;
    this.part("made").textContent = [size.replace("x", "×"), how, kind].join(" · ");
  }

  #receipt({ receipt, seed }) {
    const { currency } = receipt;
    const amount = (name, value) => {
      this.part(name).textContent = money(value, currency);
      this.part(name).title = exact(value, currency);
    };
    amount("cost", receipt.total);
    // Without a price elsewhere there is nothing to compare with.
    const isCompared = receipt.compared_price !== null;
    for (const name of ["saving", "compared"]) this.part(name).parentElement.hidden = !isCompared;
    if (isCompared) this.#comparison(receipt, amount);
    this.part("energy").textContent = energy(receipt.wall_energy_kwh);
    this.part("energy").title = exact(receipt.wall_energy_kwh, "kWh");
    this.part("source").textContent = source(receipt.energy_source);
    this.part("source").classList.toggle("good", receipt.energy_source !== "estimated");
    this.part("seed").textContent = seed;
    this.part("time").textContent = seconds(receipt.duration_ms);
    amount("electricity", receipt.electricity);
    amount("depreciation", receipt.depreciation);
    amount("upkeep", receipt.upkeep);
    this.part("request").textContent = receipt.request_id;
    this.#edit(receipt);
  }

  /** How an edit ran, and what it left as it was; nothing for other images. */
  #edit({ steps_run: run, sigma, edited_pixels: pixels, unchanged_outside_mask: isUnchanged }) {
    const row = this.part("edited").parentElement;
    row.hidden = run === undefined;
    if (row.hidden) return;
    const facts = [say("edit-steps", { run: count(run), sigma: decimal(sigma) }), say("edit-pixels", { pixels: count(pixels) })];
    if (typeof isUnchanged === "boolean") facts.push(isUnchanged ? say("edit-unchanged") : say("edit-changed"));
    this.part("edited").textContent = facts.join(" · ");
  }

  /** What the pixels depend on beside the settings. Images from before that was said have none. */
  #computation({ loras = [], computation = null }) {
    const row = (name, texts, title = "") => {
      this.part(name).textContent = texts.join(" · ");
      this.part(name).title = title;
      this.part(name).parentElement.hidden = texts.length === 0;
    };
    const hashes = Object.entries(computation?.weights ?? {}).filter(([, hash]) => hash !== null);
    row("loras", loras.map(({ name, weight }) => `${name} × ${decimal(weight)}`));
    row("weights", hashes.map(([, hash]) => hash.slice(0, 8)), hashes.map((pair) => pair.join(" ")).join("\n"));
    const { precision, device, schedule, rng } = computation ?? {};
    row("computed", computation ? [precision, device, schedule, rng] : []);
  }

  #comparison({ compared_with: service, compared_price: price, saving }, amount) {
    const isLoss = saving < 0;
    this.part("saving-label").textContent = isLoss ? say("lost", { service }) : say("saved", { service });
    amount("saving", Math.abs(saving));
    this.part("saving").className = isLoss ? "loss" : "gain";
    amount("compared", price);
  }
}

/** The size of an image that is to come: an edit's is by default that of its source. */
function sizeOf({ size, edit }) {
  return size === "auto" ? edit.size : size;
}
