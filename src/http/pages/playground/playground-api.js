// The API as every client uses it: POST /v1/images/generations, or /v1/images/edits, with the visitor's own key.
//
// A key is its text; or, of a browser that has signed in, { id, token }: a key's public id, and what the page's forms bring back.
// `files` of an edit are { image, mask }; the mask may be null. Without `files` an image is generated from words alone.

const GENERATIONS = "/v1/images/generations";
const EDITS = "/v1/images/edits";
/** Where a page of the server asks: by a session too, and for prices, which count as no request there. */
const OF_PAGE = "/playground";

/**
 * A refusal, or a failure on the way. `kind` is one of key, session, scope, budget, rate, busy, refused, server, network, cut-off
 * and mask; `message` is the server's own, in English; `param` is the field at fault; `retryAfter` is in seconds.
 */
export class Refusal extends Error {
  constructor(kind, { message = "", param = null, retryAfter = null } = {}) {
    super(message);
    this.kind = kind;
    this.param = param;
    this.retryAfter = retryAfter;
  }
}

/** What `body` would take and cost. */
export async function quote(key, body, { server = "", files = null, signal } = {}) {
  const answer = await post(server, key, { ...body, dry_run: true }, files, signal);
  return { quote: read(await text(answer)), warnings: warnings(answer) };
}

/** Several images in one answer. */
export async function generateTogether(key, body, { server = "", files = null, signal } = {}) {
  const answer = await post(server, key, body, files, signal);
  const made = read(await text(answer));
  return made.data.map((image) => imageOf(image, made, answer));
}

/**
 * One image as a stream, with `partials` previews. `onBegin` gets the place in the queue and the milliseconds until the device
 * begins, `onPreview` each preview.
 */
export async function generateOne(key, body, { server = "", files = null, signal, partials = 0, onBegin, onPreview }) {
  const { n: _, ...one } = body;
  const answer = await post(server, key, { ...one, stream: true, partial_images: partials }, files, signal);
  const number = (name) => Number(answer.headers.get(name) ?? 0);
  onBegin?.({ position: number("x-queue-position"), wait: number("x-queue-eta-ms") });
  let made = null;
  // To the end of the body, so that the connection is left in order.
  for await (const event of events(answer.body)) {
    if (event.error) throw refusal(500, event.error, null);
    if (event.type.endsWith(".partial_image")) {
      onPreview?.({ file: file(event), index: event.partial_image_index });
    } else if (event.type.endsWith(".completed")) {
      made = imageOf(event, event, answer);
    }
  }
  if (made === null) throw new Refusal("cut-off");
  return made;
}

/** The names of the LoRAs that the key may use, and that can be used. */
export async function loras(key, { server = "", signal } = {}) {
  const { data } = read(await text(await ask(`${rootOf(server, key)}/v1/loras`, key, { signal })));
  return data.filter(({ problem }) => problem === undefined).map(({ id }) => id);
}

/** The text of the receipt of `request`. */
export async function receipt(key, request, { server = "" } = {}) {
  return await text(await ask(`${rootOf(server, key)}/v1/receipts/${request}`, key, {}));
}

function post(server, key, body, files, signal) {
  // The browser writes the head of a form itself, with the boundary of its parts.
  const root = body.dry_run ? server + OF_PAGE : rootOf(server, key);
  if (files) return ask(root + EDITS, key, { method: "POST", body: formOf(body, files), signal });
  const headers = { "Content-Type": "application/json" };
  return ask(root + GENERATIONS, key, { method: "POST", headers, body: JSON.stringify(body), signal });
}

function formOf(body, { image, mask }) {
  const form = new FormData();
  // In a text, a form would write each line's end as CR LF, and another prompt is another image. It leaves a blob as it is.
  for (const [name, value] of Object.entries(body)) form.append(name, new Blob([value]));
  form.append("image", image);
  if (mask) form.append("mask", mask);
  return form;
}

function rootOf(server, key) {
  return isOfSession(key) ? server + OF_PAGE : server;
}

function isOfSession(key) {
  return typeof key !== "string";
}

/** With a key's text no cookie goes along: the key is all that counts, as for any other client. */
function credentialsOf(key) {
  return isOfSession(key)
    ? { credentials: "same-origin", named: { "X-Tintype-Key": key.id, "X-Tintype-Form-Token": key.token } }
    : { credentials: "omit", named: { Authorization: `Bearer ${key}` } };
}

async function ask(url, key, { headers, ...options }) {
  const { credentials, named } = credentialsOf(key);
  let answer;
  try {
    answer = await fetch(url, { ...options, credentials, headers: { ...headers, ...named } });
  } catch (error) {
    throw error.name === "AbortError" ? error : new Refusal("network");
  }
  if (answer.ok) return answer;
  let error = {};
  try {
    error = JSON.parse(await answer.text()).error ?? {};
  } catch {
    // A proxy's page; its status says enough.
  }
  if (isOfSession(key) && (answer.status === 401 || error.code === "form_forged")) throw new Refusal("session");
  throw refusal(answer.status, error, answer.headers.get("retry-after"));
}

async function text(answer) {
  try {
    return await answer.text();
  } catch (error) {
    throw error.name === "AbortError" ? error : new Refusal("cut-off");
  }
}

function refusal(status, error, retryAfter) {
  const { message, param } = error;
  return new Refusal(kindOf(status, error), { message, param, retryAfter: retryAfter ? Number(retryAfter) : null });
}

function kindOf(status, { code, type }) {
  if (status === 401) return "key";
  if (status === 403) return "scope";
  if (code === "insufficient_quota") return "budget";
  if (status === 429) return "rate";
  if (status === 503) return "busy";
  return status >= 500 && type !== "invalid_request_error" ? "server" : "refused";
}

function warnings(answer) {
  return answer.headers.get("x-tintype-warning");
}

/** What is kept of an image: `image` has the file, `made` what the answer says of all. */
function imageOf(image, made, answer) {
  const { seed, receipt } = image;
  const { output_format: format, size, quality, loras: applied = [], computation } = made;
  return {
    file: file({ ...image, output_format: format }), seed, receipt, format, size, quality, loras: applied, computation,
    warning: warnings(answer),
  };
}

function file({ b64_json, output_format }) {
  const bytes = Uint8Array.from(atob(b64_json), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: `image/${output_format}` });
}

/** JSON whose seeds stay what they are: they may be larger than numbers here are exact. */
function read(text) {
  return JSON.parse(text, (name, value, context) => (name === "seed" ? (context?.source ?? value) : value));
}

/** The data of a stream's events (WHATWG HTML, section 9.2), each as JSON. */
export async function* events(stream) {
  let data = [];
  for await (const line of lines(stream)) {
    if (line.startsWith("data:")) {
      data.push(line.slice(line[5] === " " ? 6 : 5));
    } else if (line === "" && data.length > 0) {
      yield read(data.join("\n"));
      data = [];
    }
  }
}

/** Lines that have ended; what comes last without an end is not one. */
async function* lines(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let begun = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = value.split("\n");
      for (const part of parts.slice(0, -1)) {
        yield [...begun, part].join("").replace(/\r$/, "");
        begun = [];
      }
      begun.push(parts.at(-1));
    }
  } catch (error) {
    throw error.name === "AbortError" ? error : new Refusal("cut-off");
  } finally {
    reader.cancel().catch(() => {});
  }
}
