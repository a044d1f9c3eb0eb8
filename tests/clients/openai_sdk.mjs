// The real OpenAI SDK for Node against a running Tintype: ordinary calls, formats, refusals, Idempotency-Key.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { check, fetchImage, fileOf, look, newClient, refused, server } from "./harness.mjs";

const client = newClient();

async function oneCallGeneratesAnImage() {
  const { data, response } = await client.images.generate({ prompt: "a lighthouse at dawn" }).withResponse();
  assert.match(response.headers.get("x-request-id"), /^req_/);
  assert.equal(look(fileOf(data.data[0])), "png 32x32");
  assert.equal(data.data[0].url, undefined);
  assert.equal(data.usage.total_tokens, data.usage.input_tokens + data.usage.output_tokens);
  const done = [data.size, data.quality, data.background, data.output_format];
  assert.deepEqual(done, ["32x32", "medium", "opaque", "png"]);
}

async function everyOrdinaryParameterIsTaken() {
  const answer = await client.images.generate({
    model: "gpt-image-1",
    prompt: "一只猫坐在窗边 🐈",
    n: 2,
    size: "24x16",
    quality: "low",
    background: "auto",
    moderation: "low",
    output_format: "png",
    user: "studio-7",
  });
  assert.deepEqual(answer.data.map((image) => look(fileOf(image))), ["png 24x16", "png 24x16"]);
  assert.equal(answer.quality, "low");
}

async function extensionsGoAlongWithTheParameters() {
  const generate = () => client.images.generate({ prompt: "a cup of tea", n: 2, seed: 42, steps: 3 });
  const [first, again] = [await generate(), await generate()];
  assert.deepEqual(first.data.map((image) => image.seed), [42, 43]);
  assert.deepEqual(first.data.map((image) => image.b64_json), again.data.map((image) => image.b64_json));
  assert.ok(first.data.every((image) => image.receipt.total > 0));
}

async function imagesComeAsJpegAndWebp() {
  for (const [format, found] of [["jpeg", "jpg"], ["webp", "webp"]]) {
    const asked = { prompt: "a cup of tea", size: "24x16", output_format: format, output_compression: 60 };
    const answer = await client.images.generate(asked);
    assert.equal(look(fileOf(answer.data[0])), `${found} 24x16`);
    assert.equal(answer.output_format, format);
  }
}

async function aUrlIsFetchedWithoutAKey() {
  for (const named of [{ response_format: "url" }, { model: "dall-e-3" }]) {
    const { data } = await client.images.generate({ prompt: "a cup of tea", size: "24x16", ...named });
    assert.equal(data[0].b64_json, undefined);
    assert.ok(data[0].url.startsWith(`${server}/pictures/`), data[0].url);
    const { type, file } = await fetchImage(data[0].url);
    assert.deepEqual([type, look(file)], ["image/png", "png 24x16"]);
  }
}

async function modelsAreListedAndRetrieved() {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.ok(names.includes("dall-e-3") && names.includes("gpt-image-1"));
  for (const name of names) assert.equal((await client.models.retrieve(name)).id, name);
}

async function manyCallsAtOnceKeepTheirImages() {
  const seeds = [0, 1, 2, 3, 4, 5, 6, 7];
  const generate = (seed) => client.images.generate({ prompt: `image ${seed}`, size: "16x16", seed });
  const answers = await Promise.all(seeds.map(generate));
  assert.deepEqual(answers.map((answer) => answer.data[0].seed), seeds);
  assert.equal(new Set(answers.map((answer) => answer.data[0].b64_json)).size, seeds.length);
}

function isTold(error, status, type, param, code) {
  assert.deepEqual([error.status, error.type, error.param, error.code], [status, type, param, code]);
  assert.match(error.requestID, /^req_/);
}

async function refusalsAreTheSdksOwnClasses() {
  const ask = (named, options) => client.images.generate({ prompt: "x", ...named }, options);
  const size = await refused(OpenAI.BadRequestError, ask({ size: "17x17" }));
  isTold(size, 400, "invalid_request_error", "size", "invalid_value");
  const unknown = await refused(OpenAI.BadRequestError, ask({ colour: "blue" }));
  isTold(unknown, 400, "invalid_request_error", "colour", "unknown_parameter");
  const model = await refused(OpenAI.NotFoundError, ask({ model: "midjourney" }));
  isTold(model, 404, "invalid_request_error", "model", "model_not_found");
  const retrieved = await refused(OpenAI.NotFoundError, client.models.retrieve("midjourney/v7"));
  isTold(retrieved, 404, "invalid_request_error", "model", "model_not_found");
}

async function aKeyThatMayNotGenerateIsRefusedOnce() {
  const { TINTYPE_READER_KEY, TINTYPE_BROKE_KEY } = process.env;
  const request = "invalid_request_error";
  const refusals = [
    ["tt-unknown-secret", OpenAI.AuthenticationError, 401, request, "invalid_api_key"],
    [TINTYPE_READER_KEY, OpenAI.PermissionDeniedError, 403, request, "insufficient_permissions"],
    [TINTYPE_BROKE_KEY, OpenAI.RateLimitError, 429, "insufficient_quota", "insufficient_quota"],
  ];
  for (const [apiKey, kind, status, type, code] of refusals) {
    let calls = 0;
    const countingFetch = (...call) => (calls++, fetch(...call));
    const other = newClient({ apiKey, fetch: countingFetch });
    isTold(await refused(kind, other.images.generate({ prompt: "x" })), status, type, null, code);
    assert.equal(calls, 1, "the SDK tried again");
  }
}

async function anIdempotencyKeyGeneratesOnce() {
  const options = { headers: { "Idempotency-Key": "node" } };
  const first = await client.images.generate({ prompt: "a lighthouse" }, options);
  const again = await client.images.generate({ prompt: "a lighthouse" }, options);
  assert.deepEqual(again.data, first.data);
  const reused = await refused(
    OpenAI.UnprocessableEntityError,
    client.images.generate({ prompt: "a windmill" }, options),
  );
  assert.equal(reused.code, "idempotency_key_reused");
}

async function aCallThatRanOutOfTimeIsTakenUpAgain() {
  const asked = { prompt: "a lighthouse", size: "128x128", steps: 60 };
  const options = { headers: { "Idempotency-Key": "late" } };
  const hasty = client.images.generate(asked, { ...options, timeout: 10, maxRetries: 0 });
  await refused(OpenAI.APIConnectionTimeoutError, hasty);
  const answer = await client.images.generate(asked, options);
  assert.equal(look(fileOf(answer.data[0])), "png 128x128");
}

await check(
  oneCallGeneratesAnImage,
  everyOrdinaryParameterIsTaken,
  extensionsGoAlongWithTheParameters,
  imagesComeAsJpegAndWebp,
  aUrlIsFetchedWithoutAKey,
  modelsAreListedAndRetrieved,
  manyCallsAtOnceKeepTheirImages,
  refusalsAreTheSdksOwnClasses,
  aKeyThatMayNotGenerateIsRefusedOnce,
  anIdempotencyKeyGeneratesOnce,
  aCallThatRanOutOfTimeIsTakenUpAgain,
);
