// The visitor's key: in this tab until it is closed, in no cookie and no address.

import { part, say, tell } from "./playground-words.js";

/** Where the tab keeps it. */
const PLACE = "tintype-key";

export class Key {
  #value = kept();
  #onChange;

  /** `onChange` is called when another key, or none, takes its place. */
  constructor(onChange) {
    this.#onChange = onChange;
    part("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#set(part("key").value.trim());
      if (this.#value) part("prompt").focus();
    });
    part("key-forget").addEventListener("click", () => {
      this.#set("");
      part("key").focus();
    });
    this.#show();
  }

  /** The key, or an empty text. */
  get value() {
    return this.#value;
  }

  /** Returns the key; one that was typed and not yet confirmed counts. */
  take() {
    if (!this.#value) {
      const typed = part("key").value.trim();
      if (typed) this.#set(typed);
    }
    return this.#value;
  }

  /** Says why another key is needed. What was typed stays in the field, to be corrected. */
  askFor(problem) {
    const refused = this.#value;
    if (refused) {
      this.#set("");
      part("key").value = refused;
    }
    tell("key-problem", problem);
    part("key").setAttribute("aria-invalid", "true");
    part("key").focus();
  }

  #set(value) {
    this.#value = value;
    try {
      if (value) sessionStorage.setItem(PLACE, value);
      else sessionStorage.removeItem(PLACE);
    } catch {
      // Storage is switched off: the key lasts as long as the page.
    }
    part("key").value = "";
    this.#show();
    this.#onChange();
  }

  #show() {
    // The part that is not secret, as in the operator's lists.
    const [, name] = this.#value.split("-");
    part("key-name").textContent = this.#value ? say("key-held", { name: `tt-${name ?? ""}-…` }) : "";
    part("key-entry").hidden = this.#value !== "";
    part("key-held").hidden = this.#value === "";
    part("key").removeAttribute("aria-invalid");
    tell("key-problem", "");
  }
}

function kept() {
  try {
    return sessionStorage.getItem(PLACE) ?? "";
  } catch {
    return "";
  }
}
