// An image that is being generated: its place in the queue, its progress, its previews.

import { part, say, seconds } from "./playground-words.js";

/** How often the progress moves on, in milliseconds. */
const TICK = 200;
/** How far the progress goes before the image is there. */
const ALMOST = 0.97;

export class Work {
  #card;
  #settings;
  #expected;
  /** When the request began, and how long it waits from there on. */
  #begun = performance.now();
  #wait = 0;
  #position = 0;
  #isAccepted = false;
  /** How far the last preview says that the image is. */
  #seen = 0;
  /** How far it is at most before the next preview. */
  #bound = ALMOST;
  #ticking;

  /** Shows the progress in `card`. `expected` is how long the image takes, in milliseconds, if known. */
  constructor(card, settings, expected) {
    this.#card = card;
    this.#settings = settings;
    this.#expected = expected;
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

  /** Shows preview `index` of `count`. */
  preview(file, index, count) {
    this.#card.show(file, say("alt-preview", { prompt: this.#settings.prompt }));
    this.#wait = Math.min(this.#wait, performance.now() - this.#begun);
    this.#seen = (index + 1) / (count + 1);
    this.#bound = Math.min(ALMOST, (index + 2) / (count + 1));
    // The pace so far says more than a guess from before.
    this.#expected = (performance.now() - this.#begun - this.#wait) / this.#seen;
    this.#tick();
  }

  /** Ends the progress. */
  end() {
    clearInterval(this.#ticking);
  }

  #tick() {
    const elapsed = performance.now() - this.#begun;
    const working = elapsed - this.#wait;
    const progress = this.#card.part("progress");
    if (working < 0 && this.#seen === 0) {
      progress.removeAttribute("value");
      this.#say(say("wait-place", { position: this.#position, seconds: seconds(Math.ceil(-working / 1000) * 1000) }));
    } else if (this.#expected) {
      progress.value = Math.min(Math.max(working / this.#expected, this.#seen), this.#bound);
      const left = this.#expected * (1 - progress.value);
      const isSoon = progress.value >= ALMOST || left < 1500;
      this.#say(isSoon ? say("generating") : say("generating-left", { seconds: seconds(Math.ceil(left / 1000) * 1000) }));
    } else {
      this.#say(this.#isAccepted ? say("generating") : say("wait"));
    }
  }

  #say(text) {
    const wait = this.#card.part("wait");
    if (wait.textContent !== text) wait.textContent = text;
  }
}
