// The playground: it generates images with the visitor's own key, as any client would.

import { Refusal, generateOne, generateTogether, receipt } from "./playground-api.js";
import { takeOver } from "./playground-again.js";
import { curl, node, python } from "./playground-code.js";
import { Edit } from "./playground-edit.js";
import { Form, bodyOf, elementOf } from "./playground-form.js";
import { Gallery } from "./playground-gallery.js";
import { Known } from "./playground-known.js";
import { Key } from "./playground-key.js";
import { Loras } from "./playground-loras.js";
import { Price } from "./playground-price.js";
import { Store } from "./playground-store.js";
import { count, moment, money, part, say, seconds, tell, terms } from "./playground-words.js";

/** Previews of an image, at most. */
const PARTIALS = 3;
/** The second press of a double click lands on Stop, which takes the place of Generate under the pointer. */
const DOUBLE_CLICK_MS = 500;
const PROGRAMS = { curl, python, node };

let language = "curl";
/** Ends the request; null while there is none. */
let aborting = null;
let startedAt = -DOUBLE_CLICK_MS;

// Of all models, the demo model alone knows but a few words.
const known = terms.is_demo ? new Known() : null;
const store = new Store();
const gallery = new Gallery(store, {
  onReuse: reuse, onEdit: (image) => edit.begin(image), onReceipt: showReceipt, onDeleted: sayDeleted, onStop: stop,
});
const key = new Key(() => {
  loras.load(key.value);
  price.ask({ isStale: true });
});
const loras = new Loras(() => form.loadedLoras());
// A model without an encoder edits nothing.
const edit = terms.edit && new Edit(store, {
  onChange: () => form.changed(), onBegin: () => form.editBegun(), onProblem: (words) => tell("problem", words),
});
const form = new Form({ edit, loras, onChange, onKeep: keepDraft });
const price = new Price(key, form);
showCode();
loras.load(key.value);
price.ask();
restore();

part("paint-form").addEventListener("submit", (event) => {
  event.preventDefault();
  generate();
});
part("paint-form").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
    event.preventDefault();
    generate();
  }
});
part("stop").addEventListener("click", () => {
  if (performance.now() - startedAt >= DOUBLE_CLICK_MS) stop();
});
// The key's own images are shown to a session, which this form opens with the key.
part("gallery-form")?.addEventListener("submit", (event) => {
  part("gallery-secret").value = key.take();
  if (key.value) return;
  event.preventDefault();
  key.askFor(say("no-key"));
});
// Leaving would end the request, which is paid for.
addEventListener("beforeunload", (event) => {
  if (aborting) event.preventDefault();
});
for (const idea of document.querySelectorAll("[data-idea]")) {
  const prompt = idea.dataset.idea || idea.textContent;
  idea.addEventListener("click", () => form.fill({ ...form.settings(), prompt }, { locks: false }));
}
part("copy").addEventListener("click", copy);
for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    language = button.dataset.language;
    for (const other of document.querySelectorAll("[data-language]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    showCode();
  });
}

// What is kept

async function restore() {
  try {
    const draft = await store.draft();
    if (draft) await form.restore(draft);
    await gallery.restore();
  } catch (error) {
    // What was kept cannot be read. The page works without it.
    console.error(error);
  }
  await takeOver({ form, edit, store });
}

function keepDraft(draft) {
  // If the disk is full, the form lasts as long as the page.
  store.keepDraft(draft).catch((error) => console.error(error));
}

function sayDeleted(number) {
  part("status").textContent = say("deleted", { count: count(number) });
}

// The form

function onChange() {
  tell("problem", "");
  for (const element of document.querySelectorAll("[aria-invalid]")) element.removeAttribute("aria-invalid");
  known?.look();
  showCode();
  price.ask({ isBusy: aborting !== null });
}

function showCode() {
  const files = edit?.names() ?? null;
  part("code-text").textContent = PROGRAMS[language](terms.base_url, bodyOf(form.settings()), files);
  const { image, mask } = files ?? {};
  tell("code-files", files ? say("code-files", { files: mask ? `${image}, ${mask}` : image }) : "");
}

async function copy() {
  const code = part("code-text");
  let isCopied = true;
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    // Without TLS there is no clipboard; the older way needs the text selected.
    getSelection().selectAllChildren(code);
    isCopied = document.execCommand("copy");
  }
  const said = isCopied ? say("copied") : say("not-copied");
  part("status").textContent = said;
  // The button says it too: the status line may be out of sight.
  const button = part("copy");
  const label = button.dataset.label ??= button.textContent;
  button.textContent = said;
  setTimeout(() => (button.textContent = label), 2000);
}

async function reuse(settings) {
  await form.fill(settings);
  part("status").textContent = say("reused", { seed: settings.seed });
}

// Generating

function stop() {
  aborting?.abort();
}

async function generate() {
  if (aborting) return;
  tell("problem", "");
  if (!key.take()) return key.askFor(say("no-key"));
  if (!form.check()) return;
  form.begin();
  const settings = form.settings();
  aborting = new AbortController();
  startedAt = performance.now();
  showBusy(true);
  try {
    const files = await form.files();
    const isStream = settings.preview || settings.n === 1;
    const images = isStream ? await oneByOne(settings, files) : await together(settings, files);
    part("status").textContent = outcome(images, performance.now() - startedAt);
  } catch (error) {
    if (error.name === "AbortError") part("status").textContent = say("stopped");
    else complain(error);
  } finally {
    aborting = null;
    showBusy(false);
    price.ask({ isStale: true });
  }
}

/** A stream for each image: image k of a request has its seed plus k, so they are the same images. */
async function oneByOne(settings, files) {
  const images = [];
  for (let k = 0; k < settings.n; k += 1) {
    const one = { ...settings, n: 1, seed: settings.seed + k };
    images.push(await stream(one, files, settings.n > 1 ? { number: k + 1, count: settings.n } : null));
  }
  return images;
}

async function stream(settings, files, which) {
  const place = gallery.begin(settings, price.expected(1));
  const status = (what) => {
    part("status").textContent = which ? say("of", { ...which, what }) : what;
  };
  const partials = settings.preview ? PARTIALS : 0;
  status(say("generating"));
  try {
    const image = await generateOne(key.value, bodyOf(settings), {
      files,
      signal: aborting.signal,
      partials,
      onBegin: ({ position, wait }) => {
        place.accepted({ position, wait });
        if (position > 0) status(say("wait-place", { position, seconds: seconds(wait) }));
      },
      onPreview: ({ file, index }) => {
        place.preview(file, index, partials);
        status(say("looking", { number: index + 1, count: partials }));
      },
    });
    image.isUnknown = await known?.isUnknown(settings.prompt) ?? false;
    place.done(image);
    return image;
  } catch (error) {
    place.drop();
    throw error;
  }
}

async function together(settings, files) {
  const place = gallery.begin(settings, price.expected(settings.n));
  part("status").textContent = say("generating");
  let images;
  try {
    images = await generateTogether(key.value, bodyOf(settings), { files, signal: aborting.signal });
  } finally {
    place.drop();
  }
  const isUnknown = await known?.isUnknown(settings.prompt) ?? false;
  for (const image of images) gallery.begin(settings).done({ ...image, isUnknown });
  return images;
}

function outcome(images, span) {
  const total = images.reduce((sum, { receipt }) => sum + receipt.total, 0);
  const cost = money(total, images[0].receipt.currency);
  return images.length === 1
    ? say("done", { money: cost, seconds: seconds(span) })
    : say("done-all", { count: count(images.length), money: cost });
}

function showBusy(isBusy) {
  if (edit) part("paint-edit").disabled = isBusy;
  const [hidden, shown] = isBusy ? [part("paint"), part("stop")] : [part("stop"), part("paint")];
  const hasFocus = document.activeElement === hidden;
  hidden.hidden = true;
  shown.hidden = false;
  // What was pressed is gone; its successor takes the focus.
  if (hasFocus) shown.focus();
  part("gallery").setAttribute("aria-busy", String(isBusy));
}

// What went wrong

/** Says what went wrong in the reader's words, and what the server says in its own. */
function complain(error) {
  part("status").textContent = "";
  if (!(error instanceof Refusal)) {
    tell("problem", say("error-server"), String(error));
    return console.error(error);
  }
  if (error.kind === "session") return key.askForSession();
  if (error.kind === "key") return key.askFor(say("error-key"));
  if (error.kind === "scope") return key.askFor(say("error-scope"));
  if (error.kind === "budget") return complainOfBudget(error);
  const span = seconds((error.retryAfter ?? 1) * 1000);
  const words = {
    rate: say("error-rate", { seconds: span }),
    busy: say("error-busy", { seconds: span }),
    refused: say("error-refused"),
    server: say("error-server"),
    network: say("error-network"),
    "cut-off": say("error-cut-off"),
    mask: say("error-mask"),
  };
  tell("problem", words[error.kind], error.message);
  const element = elementOf(error.param);
  element?.setAttribute("aria-invalid", "true");
  element?.setAttribute("aria-errormessage", "problem");
  element?.focus();
}

/** What is left and when there is more stand in the server's sentence; where they cannot be found, it is shown whole. */
function complainOfBudget({ message }) {
  const [, left, when] = /has (.+?) left.* resets at (.+?)\.?$/.exec(message) ?? [];
  // An amount of money stands there alone; images and kWh are named.
  const amount = /^[\d.]+$/.test(left ?? "") ? money(Number(left), terms.currency) : left;
  if (left) tell("problem", say("error-budget", { left: amount, when: moment(when) }));
  else tell("problem", say("error-budget-used"), message);
}

// The receipt

async function showReceipt({ receipt: { request_id: request } }) {
  let text;
  try {
    text = await receipt(key.value, request, {});
  } catch (error) {
    return complain(error);
  }
  const readable = JSON.stringify(JSON.parse(text), null, 2);
  part("receipt-url").textContent = `GET /v1/receipts/${request}`;
  part("receipt-json").textContent = readable;
  const save = part("receipt-save");
  URL.revokeObjectURL(save.href);
  // As the server wrote it: its decimals are exact.
  save.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  save.download = `${request}.json`;
  part("receipt").showModal();
}
