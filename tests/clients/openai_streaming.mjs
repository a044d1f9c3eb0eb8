// The real OpenAI SDK for Node against a running Tintype: streams. The test's server generates in two steps unless asked.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { check, fileOf, look, newClient, refused } from "./harness.mjs";

const client = newClient();

function ask(named) {
  const asked = { prompt: "a lighthouse", size: "24x16", seed: 7, steps: 8, stream: true };
  return client.images.generate({ ...asked, ...named });
}

/** The events of a stream, once every one of them has been checked. */
async function read(stream, found = "png") {
  const events = [];
  for await (const event of stream) events.push(event);
  const last = events.at(-1);
  assert.equal(last.type, "image_generation.completed");
  assert.equal(last.usage.total_tokens, last.usage.input_tokens + last.usage.output_tokens);
  for (const [index, event] of events.slice(0, -1).entries()) {
    assert.equal(event.type, "image_generation.partial_image");
    assert.equal(event.partial_image_index, index);
  }
  for (const event of events) {
    assert.equal(look(fileOf(event)), `${found} 24x16`);
    assert.deepEqual([event.size, event.quality, event.background], ["24x16", "medium", "opaque"]);
  }
  return events;
}

async function partialImagesComeFirstAndOneImageEndsTheStream() {
  for (const partials of [0, 1, 2, 3]) {
    const events = await read(await ask({ partial_images: partials }));
    assert.equal(events.length, partials + 1);
  }
}

async function aStreamEndsInTheImageOfAPlainCall() {
  const events = await read(await ask({ partial_images: 1 }));
  const plain = await ask({ stream: false });
  assert.equal(events.at(-1).b64_json, plain.data[0].b64_json);
}

async function partialImagesHaveTheAskedForFormat() {
  for (const [format, found] of [["jpeg", "jpg"], ["webp", "webp"]]) {
    const events = await read(await ask({ partial_images: 2, output_format: format }), found);
    assert.deepEqual(events.map((event) => event.output_format), [format, format, format]);
  }
}

async function theHeadersTellThePlaceInTheQueue() {
  const { data, response } = await ask({ partial_images: 1 }).withResponse();
  assert.match(response.headers.get("x-queue-position"), /^\d+$/);
  assert.match(response.headers.get("x-queue-eta-ms"), /^\d+$/);
  await read(data);
}

async function aRefusalComesBeforeTheStream() {
  const several = await refused(OpenAI.BadRequestError, ask({ n: 2 }));
  assert.equal(several.param, "n");
  const many = await refused(OpenAI.BadRequestError, ask({ partial_images: 4 }));
  assert.deepEqual([many.param, many.code], ["partial_images", "integer_above_max_value"]);
}

async function streamsRunSideBySide() {
  const counts = [0, 1, 2, 3];
  const streams = counts.map(async (partials) => read(await ask({ partial_images: partials })));
  const lengths = (await Promise.all(streams)).map((events) => events.length);
  assert.deepEqual(lengths, [1, 2, 3, 4]);
}

await check(
  partialImagesComeFirstAndOneImageEndsTheStream,
  aStreamEndsInTheImageOfAPlainCall,
  partialImagesHaveTheAskedForFormat,
  theHeadersTellThePlaceInTheQueue,
  aRefusalComesBeforeTheStream,
  streamsRunSideBySide,
);
