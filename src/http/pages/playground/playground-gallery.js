// The images of this browser, newest first: those being generated, and those that are kept.

import { Card } from "./playground-card.js";
import { offerComparison } from "./playground-compare.js";
import { MADE } from "./playground-store.js";
import { Work } from "./playground-work.js";
import { count, part, say } from "./playground-words.js";

/** Kept images that are shown at a time. */
const PAGE = 12;

export class Gallery {
  #list = part("gallery");
  /** Cards of images that are done, by their elements. */
  #cards = new Map();
  #store;
  #actions;
  /** Kept images that are not shown yet. */
  #rest = [];

  /** Shows the images of `store`; `actions` are `onReuse`, `onEdit`, `onReceipt`, `onDeleted` and `onStop`. */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    part("show-more").addEventListener("click", () => this.#showMore().focus());
    part("delete-all").addEventListener("click", () => this.#removeAll());
  }

  /** Shows what is kept from before. */
  async restore() {
    this.#rest = await this.#store.images();
    if (this.#rest.length > 0) this.#showMore();
    part("kept").textContent = (await this.#store.isLasting()) ? say("kept") : say("not-kept");
  }

  /** A place for an image that is about to be generated. `expected` is how long it takes, in milliseconds, if known. */
  begin(settings, expected) {
    const card = new Card(settings);
    this.#list.prepend(card.element);
    this.#tidy();
    card.onPress("stop", () => this.#actions.onStop());
    const work = new Work(card, settings, expected);
    // On a phone it is below the form.
    card.element.scrollIntoView({ block: "nearest" });
    return {
      accepted: (place) => work.accepted(place),
      preview: (file, index, of) => work.preview(file, index, of),
      done: (image) => {
        work.end();
        this.#done(card, settings, image);
      },
      drop: () => {
        work.end();
        card.remove();
        this.#tidy();
      },
    };
  }

  /** Shows the image, and keeps it. */
  async #done(card, settings, image) {
    const name = `${image.seed}.${image.format}`;
    const made = { ...image, kind: MADE, name, at: Date.now(), settings: { ...settings, n: 1, seed: image.seed } };
    card.done(made);
    const keeping = this.#store.add(made);
    this.#offer(card, made, keeping);
    try {
      await keeping;
    } catch (error) {
      // The disk may be full. The image lasts as long as the page.
      console.error(error);
      part("kept").textContent = say("not-kept");
    }
  }

  /** What can be done with the image `made`, whose id comes with `keeping`. */
  #offer(card, made, keeping) {
    this.#cards.set(card.element, card);
    this.#compare(card, made.settings.edit);
    card.onPress("reuse", () => this.#actions.onReuse(made.settings));
    card.onPress("edit", async () => this.#actions.onEdit({ ...made, id: await keeping.catch(() => null) }));
    card.onPress("json", () => this.#actions.onReceipt(made));
    card.onPress("delete", async () => {
      const id = await keeping.catch(() => null);
      if (!(await this.#confirm(say("delete-one"), card.part("image").src))) return;
      if (id !== null) await this.#store.remove(id);
      const next = card.element.nextElementSibling ?? card.element.previousElementSibling;
      this.#take(card);
      // What was pressed is gone; its neighbour takes the focus.
      (next?.querySelector("[data-part=delete]") ?? part("prompt")).focus();
      this.#actions.onDeleted(1);
    });
  }

  async #removeAll() {
    const kept = await this.#store.images();
    const done = this.#list.querySelectorAll("li:not(.in-work)");
    // Some are not shown, some could not be kept.
    const number = Math.max(kept.length, done.length);
    if (!(await this.#confirm(say("delete-these", { count: count(number) })))) return;
    await this.#store.removeAll();
    this.#rest = [];
    for (const element of done) this.#take(this.#cards.get(element));
    part("prompt").focus();
    this.#actions.onDeleted(number);
  }

  /** Lets an edit be compared with its source, if that is still kept. */
  async #compare(card, edit) {
    const source = edit ? await this.#store.image(edit.source) : undefined;
    if (source) offerComparison(card, source.file);
  }

  #take(card) {
    this.#cards.delete(card.element);
    card.remove();
    this.#tidy();
  }

  /** Asks whether to delete what `words` name, with the image at `address` beside them. */
  #confirm(words, address = "") {
    const dialog = part("delete-dialog");
    part("delete-words").textContent = words;
    part("delete-image").hidden = address === "";
    if (address) part("delete-image").src = address;
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "delete"), { once: true });
    });
  }

  /** Shows the next page of kept images; returns what takes the focus. */
  #showMore() {
    const cards = this.#rest.splice(0, PAGE).map((made) => {
      const card = new Card(made.settings);
      card.done(made);
      this.#offer(card, made, Promise.resolve(made.id));
      return card;
    });
    this.#list.append(...cards.map(({ element }) => element));
    this.#tidy();
    return cards[0].part("save");
  }

  #tidy() {
    const isEmpty = this.#list.children.length === 0;
    part("empty").hidden = !isEmpty;
    part("gallery-foot").hidden = isEmpty;
    part("show-more").hidden = this.#rest.length === 0;
    part("show-more").textContent = say("show-more", { count: count(this.#rest.length) });
  }
}
