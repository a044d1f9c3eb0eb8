// The playground's own modules against a running Tintype: what they generate, and the programs that they write.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check, look, server } from "./harness.mjs";
import { HEIGHT, WIDTH, mask, photo } from "./photo.mjs";

const { Refusal, generateOne, generateTogether, loras, quote, receipt, events } = await module("playground-api.js");
const programs = await module("playground-code.js");

const key = process.env.TINTYPE_KEY;
/** A form with everything that breaks quoting. */
const body = {
  prompt: "it's \"a\" $HOME `lighthouse` \\ 灯塔 🗼\n${x} {y} %s",
  size: "24x16", quality: "low", n: 2, output_format: "webp", seed: 9007199254740982, steps: 3,
  guidance_scale: 1.5, negative_prompt: "fog's", lora: [{ name: "ink (2) 墨", weight: -0.5 }],
};

/** A module of the page. It is no file of a package, so Node is handed its text. */
function module(name) {
  const text = readFileSync(join(process.env.TINTYPE_PAGES, name), "utf8");
  return import(`data:text/javascript,${encodeURIComponent(text)}`);
}

async function bytes(blob) {
  return Buffer.from(await blob.arrayBuffer());
}

/** The refusal that `promise` ends with. */
async function refused(promise) {
  return await assert.rejects(promise, Refusal).then(() => promise.catch((error) => error));
}

/** Files by their names that `run` adds to a folder, which has those of an edit. */
function made(run, files) {
  const folder = mkdtempSync(join(tmpdir(), "tintype-"));
  if (files) writeFileSync(join(folder, names.image), photo);
  if (files) writeFileSync(join(folder, names.mask), mask);
  const before = readdirSync(folder);
  run(folder);
  const added = readdirSync(folder).filter((name) => !before.includes(name)).sort();
  return Object.fromEntries(added.map((name) => [name, readFileSync(join(folder, name))]));
}

async function aStreamShowsPreviewsAndEndsInAnImageWithAReceipt() {
  const heard = [];
  const image = await generateOne(key, { ...body, n: 1, steps: 8 }, {
    server, partials: 3,
    onBegin: ({ position, wait }) => heard.push(["begin", position, typeof wait]),
    onPreview: ({ file, index }) => heard.push([file.type, index]),
  });
  assert.deepEqual(heard, [["begin", 0, "number"], ["image/webp", 0], ["image/webp", 1], ["image/webp", 2]]);
  assert.equal(look(await bytes(image.file)), "webp 24x16");
  assert.equal(String(image.seed), "9007199254740982");
  const shown = JSON.parse(await receipt(key, image.receipt.request_id, { server }));
  assert.deepEqual(shown.data[0].receipt, image.receipt);
}

async function imagesOneByOneAreThoseOfOneRequest() {
  const together = await generateTogether(key, body, { server });
  for (const [k, image] of together.entries()) {
    const one = await generateOne(key, { ...body, seed: body.seed + k }, { server });
    assert.deepEqual(await bytes(one.file), await bytes(image.file));
    assert.equal(String(image.seed), String(body.seed + k));
  }
}

async function theLorasOfTheKeyAreListedAndNamedInTheAnswer() {
  assert.deepEqual(await loras(key, { server }), ["ink (2) 墨"]);
  const [image] = await generateTogether(key, { ...body, n: 1 }, { server });
  assert.deepEqual(image.loras.map(({ name, weight }) => ({ name, weight })), body.lora);
  assert.match(image.computation.weights.transformer, /^[0-9a-f]{64}$/);
}

async function aPriceIsAskedForWithoutGenerating() {
  const { quote: price } = await quote(key, body, { server });
  assert.equal(price.n, 2);
  assert.ok(price.all_images.total > 0 && price.per_image.duration_ms > 0);
}

async function refusalsAreToldApart() {
  const kind = async (used, changed) => (await refused(generateOne(used, { ...body, ...changed }, { server }))).kind;
  assert.equal(await kind("tt-wrong-key", {}), "key");
  assert.equal(await kind(process.env.TINTYPE_READER_KEY, {}), "scope");
  assert.equal(await kind(process.env.TINTYPE_BROKE_KEY, {}), "budget");
  assert.equal(await kind(key, { size: "17x17" }), "refused");
  const error = await refused(generateOne(key, { ...body, steps: 0 }, { server }));
  assert.equal(error.param, "steps");
  assert.equal((await refused(generateOne(key, body, { server: "http://127.0.0.1:1" }))).kind, "network");
  // What the page finds in the sentence about a budget.
  const { message } = await refused(generateOne(process.env.TINTYPE_BROKE_KEY, body, { server }));
  assert.match(message, /has (.+?) left.* resets at (.+?)\.?$/);
}

async function aStreamThatBreaksOffIsAnError() {
  const stream = (...parts) => new Blob(parts).stream();
  const read = async (source) => {
    const found = [];
    for await (const event of events(source)) found.push(event);
    return found;
  };
  const whole = await read(stream(": ping\n\nevent: x\nda", "ta: {\"a\":1}\r\n\r\n", "data: {\"cut\""));
  assert.deepEqual(whole, [{ a: 1 }]);
}

async function stoppingEndsTheRequest() {
  const abort = new AbortController();
  const long = { ...body, n: 1, size: "128x128", steps: 100 };
  const generation = generateOne(key, long, { server, signal: abort.signal, partials: 3, onPreview: () => abort.abort() });
  await assert.rejects(generation, { name: "AbortError" });
}

/** What the page adds to an edit. In one line: Node's own forms write the end of a line as CR LF, which is another prompt. */
const edit = { ...body, prompt: body.prompt.replace("\n", " "), size: "auto", n: 2, output_format: "png", strength: 0.9, feather: 2, crop: false,
  lora: JSON.stringify(body.lora) };
/** The files that it sends along. */
const files = {
  image: new File([photo], "photo.png", { type: "image/png" }),
  mask: new File([mask], "mask.png", { type: "image/png" }),
};
const names = { image: "photo.png", type: "image/png", mask: "mask.png" };

async function anEditIsQuotedAndStreamedAsTheFormSays() {
  const { quote: price } = await quote(key, edit, { server, files });
  assert.equal(price.n, 2);
  const heard = [];
  const one = { ...edit, n: 1, steps: 8 };
  const image = await generateOne(key, one, { server, files, partials: 2, onPreview: ({ index }) => heard.push(index) });
  assert.deepEqual(heard, [0, 1]);
  assert.equal(look(await bytes(image.file)), `png ${WIDTH}x${HEIGHT}`);
  assert.equal(image.receipt.unchanged_outside_mask, true);
}

async function theProgramsEditWhatTheFormSays() {
  await theProgramsMake(edit, files, names);
}

async function theProgramsGenerateWhatTheFormSays() {
  await theProgramsMake(body, null, null);
}

/** Runs the three programs for `body`: each makes the images that the page makes. */
async function theProgramsMake(body, files, names) {
  const images = await generateTogether(key, body, { server, files });
  const { output_format: format } = body;
  const expected = Object.fromEntries(await Promise.all(
    images.map(async ({ seed, file }) => [`${seed}.${format}`, await bytes(file)])));
  const python = made((folder) => {
    writeFileSync(join(folder, "..", "program.py"), programs.python(server, body, names));
    execFileSync(process.env.TINTYPE_PYTHON, [join(folder, "..", "program.py")], { cwd: folder });
  }, files);
  assert.deepEqual(python, expected, "Python");
  const node = made((folder) => {
    const program = join(import.meta.dirname, "program.mjs");
    writeFileSync(program, programs.node(server, { ...body, seed: 7 }, names));
    execFileSync(process.execPath, [program], { cwd: folder });
  }, files);
  assert.deepEqual(Object.keys(node), [`7.${format}`, `8.${format}`]);
  let shell;
  made((folder) => {
    shell = JSON.parse(execFileSync("sh", ["-c", programs.curl(server, { ...body, seed: 7 }, names)], { cwd: folder }));
  }, files);
  for (const [k, { seed, url }] of shell.data.entries()) {
    const file = Buffer.from(await (await fetch(url)).arrayBuffer());
    assert.deepEqual(file, node[`${seed}.${format}`], `curl ${k}`);
  }
}

await check(
  aStreamShowsPreviewsAndEndsInAnImageWithAReceipt,
  imagesOneByOneAreThoseOfOneRequest,
  theLorasOfTheKeyAreListedAndNamedInTheAnswer,
  aPriceIsAskedForWithoutGenerating,
  refusalsAreToldApart,
  aStreamThatBreaksOffIsAnError,
  stoppingEndsTheRequest,
  theProgramsGenerateWhatTheFormSays,
  anEditIsQuotedAndStreamedAsTheFormSays,
  theProgramsEditWhatTheFormSays,
);
