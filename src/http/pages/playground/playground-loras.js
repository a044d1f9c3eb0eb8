// The LoRAs that the visitor's key may use: which are applied, and how strongly.

import { loras } from "./playground-api.js";
import { part, say, terms } from "./playground-words.js";

export class Loras {
  #list = part("loras");
  /** Weights of the LoRAs that are chosen, by name. Another key, or a slow answer, may leave some that are not offered. */
  #chosen = new Map();
  /** Names that the key may use. */
  #offered = [];
  #onChange;
  #asking;

  /** Calls `onChange` when other LoRAs are offered. */
  constructor(onChange) {
    this.#onChange = onChange;
    // Before the form hears of it.
    this.#list.addEventListener("input", () => this.#read());
  }

  /** Asks which LoRAs `key` may use, and shows them. */
  async load(key) {
    this.#asking?.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    let offered = [];
    try {
      if (key && terms.loras_max > 0) offered = await loras(key, { signal });
    } catch (error) {
      // A key that is refused is said where images are asked for.
      if (error.name === "AbortError") return;
    }
    this.#offered = offered;
    this.#show();
    this.#onChange();
  }

  /** The LoRAs that are applied. */
  settings() {
    return this.chosen().filter(({ name }) => this.#offered.includes(name));
  }

  /** The LoRAs that are chosen, offered or not. */
  chosen() {
    return [...this.#chosen].map(([name, weight]) => ({ name, weight }));
  }

  /** Chooses `settings`. */
  restore(settings) {
    this.#chosen = new Map(settings.map(({ name, weight }) => [name, weight]));
    this.#show();
  }

  #rows() {
    return [...this.#list.children];
  }

  #read() {
    for (const row of this.#rows()) {
      const { name } = row.dataset;
      const weight = row.querySelector("[type=number]");
      this.#chosen.delete(name);
      if (row.querySelector("[type=checkbox]").checked) this.#chosen.set(name, weight.value === "" ? 1 : Number(weight.value));
    }
    this.#look();
  }

  #show() {
    const chosen = this.#chosen;
    this.#list.replaceChildren(...this.#offered.map((name) => {
      const row = part("lora").content.firstElementChild.cloneNode(true);
      row.dataset.name = name;
      row.querySelector("span").textContent = name;
      row.querySelector("[type=checkbox]").checked = chosen.has(name);
      const weight = row.querySelector("[type=number]");
      weight.value = chosen.get(name) ?? 1;
      weight.ariaLabel = say("lora-weight", { name });
      return row;
    }));
    part("lora-entry").hidden = this.#offered.length === 0;
    part("lora-entry").open ||= this.settings().length > 0;
    this.#look();
  }

  /** As many as the server takes together. */
  #look() {
    const isFull = this.settings().length >= terms.loras_max;
    for (const row of this.#rows()) {
      const box = row.querySelector("[type=checkbox]");
      box.disabled = isFull && !box.checked;
      row.querySelector("[type=number]").disabled = !box.checked;
    }
  }
}
