// The real OpenAI SDK for Node against a running Tintype: files, and batches from one to the other.
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import OpenAI, { toFile } from "openai";
import { check, look, newClient, refused } from "./harness.mjs";

const client = newClient();
const endpoint = "/v1/images/generations";
const line = (custom_id, body) => JSON.stringify({ custom_id, method: "POST", url: endpoint, body: { prompt: "a cat", ...body } });
const upload = async (lines, terms) =>
  client.files.create({ file: await toFile(Buffer.from(lines.join("\n")), "requests.jsonl"), purpose: "batch", ...terms });

async function waited(batch) {
  while (!["completed", "failed", "expired", "cancelled"].includes(batch.status)) {
    await setTimeout(50);
    batch = await client.batches.retrieve(batch.id);
  }
  return batch;
}

async function begun(...lines) {
  const file = await upload(lines);
  return client.batches.create({ input_file_id: file.id, endpoint, completion_window: "24h", metadata: { project: "spring" } });
}

async function filesAreCreatedListedReadAndDeleted() {
  const made = await upload([line("one")], { expires_after: { anchor: "created_at", seconds: 3600 } });
  assert.deepEqual([made.filename, made.expires_at - made.created_at], ["requests.jsonl", 3600]);
  await upload([line("two")]);
  const listed = [];
  for await (const file of client.files.list({ limit: 1, order: "asc" })) listed.push(file.id);
  assert.deepEqual([listed.length, listed[0]], [2, made.id]);
  assert.deepEqual(await client.files.retrieve(made.id), made);
  assert.equal(await (await client.files.content(made.id)).text(), line("one"));
  assert.equal((await client.files.delete(made.id)).deleted, true);
  const error = await refused(OpenAI.NotFoundError, client.files.retrieve(made.id));
  assert.equal(error.param, "id");
}

async function aBatchIsAnsweredInAFile() {
  const batch = await waited(await begun(line("one", { seed: 7 }), line("two", { n: 2, size: "64x64" })));
  assert.equal(batch.status, "completed");
  assert.deepEqual([batch.request_counts, batch.metadata], [{ total: 2, completed: 2, failed: 0 }, { project: "spring" }]);
  const text = await (await client.files.content(batch.output_file_id)).text();
  const answers = Object.fromEntries(text.trim().split("\n").map(JSON.parse).map((answer) => [answer.custom_id, answer]));
  const files = answers.two.response.body.data.map((image) => Buffer.from(image.b64_json, "base64"));
  assert.deepEqual(files.map(look), ["png 64x64", "png 64x64"]);
  const listed = await client.batches.list({ limit: 1 });
  assert.equal(listed.data[0].id, batch.id);
}

async function aFaultyFileFailsWithItsLines() {
  const batch = await waited(await begun(line("one", {}), line("two", { size: "7x7" })));
  assert.deepEqual([batch.status, batch.errors.data[0].line, batch.errors.data[0].param], ["failed", 2, "body.size"]);
}

async function whatCannotBeIsRefusedByName() {
  const terms = { input_file_id: "file-none", endpoint, completion_window: "24h" };
  assert.equal((await refused(OpenAI.NotFoundError, client.batches.create(terms))).param, "input_file_id");
  const window = await refused(OpenAI.BadRequestError, client.batches.create({ ...terms, completion_window: "1d" }));
  assert.equal(window.param, "completion_window");
}

await check(
  filesAreCreatedListedReadAndDeleted,
  aBatchIsAnsweredInAFile,
  aFaultyFileFailsWithItsLines,
  whatCannotBeIsRefusedByName,
);
