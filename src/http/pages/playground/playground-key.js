// The visitor's key: in this tab until it is closed, in no cookie and no address. Whoever has signed in chooses one of the server's
// keys instead, and its secret is not needed.

import { part, say, tell } from "./playground-words.js";

/** Where the tab keeps it. */
const PLACE = "tintype-key";
/** Where the tab keeps the public id of the chosen one. */
const CHOICE_PLACE = "tintype-own-key";

export class Key {
  #value = kept(PLACE);
  /** What a key is chosen in; null if nobody has signed in. */
  #choice = part("own-key");
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
    this.#restoreChoice();
    this.#choice?.addEventListener("change", () => {
      keep(CHOICE_PLACE, this.#choice.value);
      this.#show();
      this.#onChange();
    });
    this.#show();
  }

  /** The key as the API's functions take it, or an empty text. */
  get value() {
    return this.#chosen() ?? this.#value;
  }

  /** The session's key that is chosen. */
  #chosen() {
    const id = this.#choice?.value;
    return id ? { id, token: this.#choice.dataset.formToken } : null;
  }

  #restoreChoice() {
    const id = kept(CHOICE_PLACE);
    if (id && [...(this.#choice?.options ?? [])].some(({ value }) => value === id)) this.#choice.value = id;
  }

  /** Returns the key; one that was typed and not yet confirmed counts. */
  take() {
    if (!this.value) {
      const typed = part("key").value.trim();
      if (typed) this.#set(typed);
    }
    return this.value;
  }

  /** Says that the session is over, and where another one is opened. */
  askForSession() {
    tell("key-problem", say("error-session"));
    part("own-key-sign-in").hidden = false;
  }

  /** Says why another key is needed. What was typed stays in the field, to be corrected. */
  askFor(problem) {
    const isChosen = this.#chosen() !== null;
    const refused = this.#value;
    if (refused && !isChosen) {
      this.#set("");
      part("key").value = refused;
    }
    tell("key-problem", problem);
    const field = isChosen ? this.#choice : part("key");
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }

  #set(value) {
    this.#value = value;
    keep(PLACE, value);
    part("key").value = "";
    this.#show();
    this.#onChange();
  }

  #show() {
    // The part that is not secret, as in the operator's lists.
    const [, name] = this.#value.split("-");
    part("key-name").textContent = this.#value ? say("key-held", { name: `tt-${name ?? ""}-…` }) : "";
    const chosen = this.#chosen();
    part("key-entry").hidden = chosen !== null || this.#value !== "";
    part("key-held").hidden = chosen !== null || this.#value === "";
    for (const field of [part("key"), this.#choice]) field?.removeAttribute("aria-invalid");
    const gallery = part("own-gallery");
    // An operator's gallery has everybody's images; the key's own are meant.
    if (gallery?.pathname === "/admin/gallery") gallery.search = chosen ? `?key=${encodeURIComponent(chosen.id)}` : "";
    tell("key-problem", "");
  }
}

function kept(place) {
  try {
    return sessionStorage.getItem(place) ?? "";
  } catch {
    return "";
  }
}

function keep(place, value) {
  try {
    if (value) sessionStorage.setItem(place, value);
    else sessionStorage.removeItem(place);
  } catch {
    // Storage is switched off: it lasts as long as the page.
  }
}
