// The images of this tab, newest first: progress while one is generated, then its cost.

import { energy, exact, money, part, say, seconds, source } from "./playground-words.js";

/** Images kept at one time: each takes megabytes of memory. */
const KEPT_MAX = 60;
/** How often the progress moves on, in milliseconds. */
const TICK = 200;
/** How far the progress goes before the image is there. */
const ALMOST = 0.97;

/** How far a small image is enlarged. */
const SCALE_MAX = 2;
/** Height of an image in percent of the window's. */
const HIGH_MAX = 66;

export class Gallery {
  #list = part("gallery");
  #onReuse;
  #onReceipt;
  #onStop;

  /** Calls `onReuse` with settings, `onReceipt` with an image, and `onStop` to end all requests. */
  constructor({ onReuse, onReceipt, onStop }) {
    this.#onReuse = onReuse;
    this.#onReceipt = onReceipt;
    this.#onStop = onStop;
  }

  /** A place for an image that is about to be generated. `expected` is how long it takes, in milliseconds, if known. */
  begin(settings, expected) {
    const item = part("picture").content.firstElementChild.cloneNode(true);
    this.#list.prepend(item);
    this.#tidy();
    const work = new Work(item, settings, expected, this);
    // On a phone it is below the form.
    item.scrollIntoView({ block: "nearest" });
    return work;
  }

  /** Puts the settings of an image into the form. */
  reuse(settings) {
    this.#onReuse(settings);
  }

  /** Ends the work. */
  stop() {
    this.#onStop();
  }

  /** Shows the receipt of an image. */
  tell(picture) {
    this.#onReceipt(picture);
  }

  /** Removes a place whose image was not generated. */
  drop(item) {
    item.remove();
    this.#tidy();
  }

  #tidy() {
    for (const old of [...this.#list.children].slice(KEPT_MAX)) {
      URL.revokeObjectURL(old.querySelector("[data-part=image]").src);
      old.remove();
    }
    part("empty").hidden = this.#list.children.length > 0;
    part("kept").hidden = this.#list.children.length === 0;
  }
}

class Work {
  #item;
  #gallery;
  #settings;
  #expected;
  /** When the request began, and how long it waits from there on. */
  #begun = performance.now();
  #wait = 0;
  #position = 0;
  #isAccepted = false;
  /** How far the last look says the picture is. */
  #seen = 0;
  /** How far it is at most before the next look. */
  #bound = ALMOST;
  #ticking;

  constructor(item, settings, expected, gallery) {
    this.#item = item;
    this.#gallery = gallery;
    this.#settings = settings;
    this.#expected = expected;
    item.classList.add("in-work");
    this.#shape(settings.size);
    this.#part("prompt").textContent = settings.prompt;
    this.#made(settings.quality);
    this.#part("image").hidden = true;
    this.#part("stop").addEventListener("click", () => gallery.stop());
    this.#ticking = setInterval(() => this.#tick(), TICK);
    this.#tick();
  }

  /** The server has taken it, behind `position` others, and begins in `wait` milliseconds. */
  accepted({ position, wait }) {
    this.#begun = performance.now();
    this.#isAccepted = true;
    this.#wait = position > 0 ? wait : 0;
    this.#position = position;
    this.#tick();
  }

  /** Shows the picture on its way, look `index` of `count`. */
  look(file, index, count) {
    this.#show(file, say("alt-preview", { prompt: this.#settings.prompt }));
    this.#wait = Math.min(this.#wait, performance.now() - this.#begun);
    this.#seen = (index + 1) / (count + 1);
    this.#bound = Math.min(ALMOST, (index + 2) / (count + 1));
    // The pace so far says more than a guess from before.
    this.#expected = (performance.now() - this.#begun - this.#wait) / this.#seen;
    this.#tick();
  }

  /** Shows the picture and its receipt. */
  done(picture) {
    this.#end();
    this.#shape(picture.size);
    this.#show(picture.file, this.#settings.prompt);
    this.#made(picture.quality);
    this.#receipt(picture);
    const save = this.#part("save");
    save.href = this.#part("image").src;
    save.download = `${picture.seed}.${picture.format}`;
    const settings = { ...this.#settings, n: 1, seed: picture.seed };
    this.#part("reuse").addEventListener("click", () => this.#gallery.reuse(settings));
    this.#part("json").addEventListener("click", () => this.#gallery.tell(picture));
    const warning = this.#part("warning");
    warning.hidden = !picture.warning;
    warning.textContent = picture.warning ? say("warning", { warning: picture.warning }) : "";
    this.#part("done").hidden = false;
  }

  /** Takes the place away. */
  drop() {
    this.#end();
    URL.revokeObjectURL(this.#part("image").src);
    this.#gallery.drop(this.#item);
  }

  #part(name) {
    return this.#item.querySelector(`[data-part=${name}]`);
  }

  #end() {
    clearInterval(this.#ticking);
    this.#item.classList.remove("in-work");
    this.#part("wait").remove();
    this.#part("progress").remove();
    this.#part("stop").remove();
  }

  #shape(size) {
    const [width, height] = size.split("x").map(Number);
    const image = this.#part("image");
    [image.width, image.height] = [width, height];
    const { style } = this.#part("canvas");
    style.aspectRatio = `${width} / ${height}`;
    // No larger than its pixels bear, and never higher than the window.
    style.maxWidth = `min(${SCALE_MAX * width}px, ${(HIGH_MAX * width) / height}vh)`;
  }

  #made(quality) {
    const { size, steps, format } = this.#settings;
    const label = part("quality").querySelector(`[value=${quality}]`).textContent;
    const [word] = label.split(" · ");
    const how = steps === null ? label : `${word} · ${say("made-steps", { steps })}`;
    this.#part("made").textContent = [size.replace("x", "×"), how, part("format").querySelector(`[value=${format}]`).textContent].join(" · ");
  }

  #show(file, words) {
    const image = this.#part("image");
    const old = image.src;
    image.src = URL.createObjectURL(file);
    image.alt = words;
    image.hidden = false;
    if (old) URL.revokeObjectURL(old);
  }

  #tick() {
    const elapsed = performance.now() - this.#begun;
    const painting = elapsed - this.#wait;
    const progress = this.#part("progress");
    if (painting < 0 && this.#seen === 0) {
      progress.removeAttribute("value");
      this.#say(say("wait-place", { position: this.#position, seconds: seconds(Math.ceil(-painting / 1000) * 1000) }));
    } else if (this.#expected) {
      progress.value = Math.min(Math.max(painting / this.#expected, this.#seen), this.#bound);
      const left = this.#expected * (1 - progress.value);
      const isSoon = progress.value >= ALMOST || left < 1500;
      this.#say(isSoon ? say("painting") : say("painting-left", { seconds: seconds(Math.ceil(left / 1000) * 1000) }));
    } else {
      this.#say(this.#isAccepted ? say("painting") : say("wait"));
    }
  }

  #say(text) {
    const wait = this.#part("wait");
    if (wait.textContent !== text) wait.textContent = text;
  }

  #receipt({ receipt, seed }) {
    const { currency } = receipt;
    const amount = (name, value) => {
      this.#part(name).textContent = money(value, currency);
      this.#part(name).title = exact(value, currency);
    };
    amount("cost", receipt.total);
    // Without a price elsewhere there is nothing to compare with.
    const isCompared = receipt.compared_price !== null;
    for (const name of ["saving", "compared"]) this.#part(name).parentElement.hidden = !isCompared;
    if (isCompared) this.#comparison(receipt, amount);
    this.#part("energy").textContent = energy(receipt.wall_energy_kwh);
    this.#part("energy").title = exact(receipt.wall_energy_kwh, "kWh");
    this.#part("source").textContent = source(receipt.energy_source);
    this.#part("source").classList.toggle("good", receipt.energy_source !== "estimated");
    this.#part("seed").textContent = seed;
    this.#part("time").textContent = seconds(receipt.duration_ms);
    amount("electricity", receipt.electricity);
    amount("depreciation", receipt.depreciation);
    amount("upkeep", receipt.upkeep);
    this.#part("request").textContent = receipt.request_id;
  }

  #comparison({ compared_with: service, compared_price: price, saving }, amount) {
    const isLoss = saving < 0;
    this.#part("saving-label").textContent = isLoss ? say("lost", { service }) : say("saved", { service });
    amount("saving", Math.abs(saving));
    this.#part("saving").className = isLoss ? "loss" : "gain";
    amount("compared", price);
  }
}
