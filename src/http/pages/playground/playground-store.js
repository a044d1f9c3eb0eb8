// What this browser keeps: the draft and the images, in IndexedDB. Where there is none, they last as long as the page.

const DATABASE = "tintype-playground";
/** The number of the database's layout. */
const LAYOUT = 1;
const TABLES = ["drafts", "images"];
/** The key of the only draft. */
const DRAFT = "draft";
/** Where the draft was before there was a database. */
const OLD_DRAFT = "tintype-draft";
/** Images that are kept; the oldest make room. */
const IMAGES_MAX = 200;

/** Where an image comes from: it was generated here, or it was chosen as the source of an edit. */
export const MADE = "made";
export const CHOSEN = "chosen";

export class Store {
  #tables = openTables();

  /** Whether what is kept outlives the page. */
  async isLasting() {
    return (await this.#tables).isLasting;
  }

  /** Returns the settings that were kept last, or undefined. */
  async draft() {
    const { drafts } = await this.#tables;
    const kept = await drafts.get(DRAFT);
    if (kept === undefined) return await this.#adoptOldDraft();
    // A page that was left while it took the old draft over leaves it behind.
    removeOldDraft();
    return kept;
  }

  /** Keeps `settings`. */
  async keepDraft(settings) {
    const { drafts } = await this.#tables;
    await drafts.put(settings, DRAFT);
  }

  /** Returns the image `id`, or undefined. */
  async image(id) {
    const { images } = await this.#tables;
    return await images.get(id);
  }

  /** Returns all images that were generated here, the newest first. */
  async images() {
    const { images } = await this.#tables;
    return (await images.all()).filter(({ kind }) => kind === MADE).reverse();
  }

  /** Keeps a new image and returns its id. */
  async add(image) {
    const { images } = await this.#tables;
    const id = await images.put(image);
    const made = await this.images();
    if (made.length > IMAGES_MAX) await this.#forget(made.slice(IMAGES_MAX));
    return id;
  }

  /** Removes the image `id` that was generated here. */
  async remove(id) {
    const image = await this.image(id);
    if (image) await this.#forget([image]);
  }

  /** Removes all images that were generated here. */
  async removeAll() {
    await this.#forget(await this.images());
  }

  /** An image that others came from stays until they go, but is shown no more. */
  async #forget(images) {
    const tables = await this.#tables;
    for (const image of images) await tables.images.put({ ...image, kind: CHOSEN });
    await prune(tables);
  }

  async #adoptOldDraft() {
    let draft;
    try {
      draft = JSON.parse(localStorage.getItem(OLD_DRAFT));
    } catch {
      // Storage is switched off, or this is no draft.
    }
    if (typeof draft?.prompt !== "string") return undefined;
    await this.keepDraft(draft);
    removeOldDraft();
    return draft;
  }
}

function removeOldDraft() {
  try {
    localStorage.removeItem(OLD_DRAFT);
  } catch {
    // Storage is switched off.
  }
}

/** The id of the image that `settings` edit; undefined where they edit none. */
function sourceOf(settings) {
  return settings?.edit?.source;
}

/** Removes chosen images that neither the draft nor any other image refers to. */
async function prune({ drafts, images }) {
  const all = await images.all();
  const made = all.filter(({ kind }) => kind === MADE);
  const used = new Set([await drafts.get(DRAFT), ...made.map(({ settings }) => settings)].map(sourceOf));
  for (const { id, kind } of all) {
    if (kind === CHOSEN && !used.has(id)) await images.delete(id);
  }
}

/** A table of the database. */
class Table {
  #database;
  #name;

  constructor(database, name) {
    this.#database = database;
    this.#name = name;
  }

  get(key) {
    return this.#ask("readonly", (table) => table.get(key));
  }

  all() {
    return this.#ask("readonly", (table) => table.getAll());
  }

  put(value, key) {
    return this.#ask("readwrite", (table) => table.put(value, key));
  }

  delete(key) {
    return this.#ask("readwrite", (table) => table.delete(key));
  }

  #ask(mode, question) {
    return new Promise((resolve, reject) => {
      const transaction = this.#database.transaction(this.#name, mode);
      const request = question(transaction.objectStore(this.#name));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? request.error);
      // Otherwise a page that is left before the answer takes its last write along.
      transaction.commit?.();
    });
  }
}

/** The same in memory. */
class MemoryTable {
  #values = new Map();
  #last = 0;

  async get(key) {
    return this.#values.get(key);
  }

  async all() {
    return [...this.#values.values()];
  }

  async put(value, key = value.id ?? (this.#last += 1)) {
    this.#values.set(key, key === DRAFT ? value : { ...value, id: key });
    return key;
  }

  async delete(key) {
    this.#values.delete(key);
  }
}

async function openTables() {
  const database = await openDatabase().catch(() => null);
  const [drafts, images] = TABLES.map((name) => (database ? new Table(database, name) : new MemoryTable()));
  const tables = { drafts, images, isLasting: database !== null };
  // Before this page can choose an image: no draft refers to one that was chosen just now.
  await prune(tables).catch((error) => console.error(error));
  return tables;
}

function openDatabase() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, LAYOUT);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore("drafts");
      opening.result.createObjectStore("images", { keyPath: "id", autoIncrement: true });
    };
    opening.onsuccess = () => {
      // A newer page in another tab may change the layout.
      opening.result.onversionchange = () => opening.result.close();
      resolve(opening.result);
    };
    opening.onerror = () => reject(opening.error);
    opening.onblocked = () => reject(new Error("another tab holds the database"));
  });
}
