// What the form's images would take and cost, asked for by `dry_run` once the form rests.

import { quote } from "./playground-api.js";
import { bodyOf } from "./playground-form.js";
import { count, energy, exact, money, part, say, seconds } from "./playground-words.js";

/** How long the form rests before its price is asked for, in milliseconds. */
const REST = 500;
/** What a price is asked for where nothing is written yet; the words hardly change it. */
const ANY_PROMPT = "…";

export class Price {
  #key;
  #form;
  /** What was quoted last: what it is of, and its answer. */
  #quoted = { of: null, answer: null };
  #resting;
  #asking;

  constructor(key, form) {
    this.#key = key;
    this.#form = form;
  }

  /** Shows the price, and asks for it where it is not known. Nothing is asked while an image is generated. */
  ask({ isStale = false, isBusy = false } = {}) {
    clearTimeout(this.#resting);
    this.#asking?.abort();
    if (!this.#key.value || !this.#form.isPossible()) return show(null);
    const of = kindOf(this.#form.settings());
    if (of === this.#quoted.of && !isStale) return show(this.#quoted.answer);
    if (of !== this.#quoted.of) show(null);
    if (!isBusy) this.#resting = setTimeout(() => this.#fetch(of), REST);
  }

  /** Milliseconds that `n` images take, if a quote of these settings says so. */
  expected(n) {
    const isOfThese = this.#quoted.of === kindOf(this.#form.settings());
    return isOfThese ? this.#quoted.answer.per_image.duration_ms * n : null;
  }

  async #fetch(of) {
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const body = bodyOf(this.#form.settings());
    if (body.prompt.trim() === "") body.prompt = ANY_PROMPT;
    try {
      const files = await this.#form.filesOfQuote();
      const { quote: answer } = await quote(this.#key.value, body, { files, signal });
      this.#quoted = { of, answer };
      show(answer);
    } catch (error) {
      if (error.name === "AbortError") return;
      show(null);
      if (error.kind === "refused") showRefusal(error.message);
      // What may pass is shown when it is generated; a key that is refused is shown at once.
      if (error.kind === "session") this.#key.askForSession();
      if (error.kind === "key") this.#key.askFor(say("error-key"));
      if (error.kind === "scope") this.#key.askFor(say("error-scope"));
    }
  }
}

/** What a price depends on. */
function kindOf({ size, quality, steps, guidance, n, loras, edit }) {
  const { source, isMasked, box, strength, mode, crop, feather } = edit ?? {};
  const ofEdit = [source, isMasked, box, strength, mode, crop, feather];
  return JSON.stringify([size, quality, steps, guidance > 0, n, loras, ofEdit]);
}

/** What the server will not make has no price, and says why: an image that is too large for the model, say. */
function showRefusal(why) {
  part("quote-refused").hidden = false;
  part("quote-refused-why").textContent = why;
}

function show(answer) {
  part("quote").hidden = answer === null;
  part("quote-refused").hidden = true;
  if (answer === null) return;
  const { n, all_images: all, duration_source: known, over_budget: over } = answer;
  const figures = {
    count: count(n),
    seconds: seconds(all.duration_ms),
    energy: energy(all.wall_energy_kwh),
    money: money(all.total, all.currency),
  };
  part("quote-text").textContent = n === 1 ? say("quote-one", figures) : say("quote-all", figures);
  part("quote-text").title = `${exact(all.wall_energy_kwh, "kWh")} · ${exact(all.total, all.currency)}`;
  part("quote-source").textContent = known === "measured" ? say("time-measured") : say("time-estimated");
  part("quote-source").classList.toggle("good", known === "measured");
  part("quote-over").hidden = over === null;
  part("quote-over").title = over ?? "";
}
