// The real OpenAI SDK for Node against a running Tintype: edits and variations.
import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";
import { check, fileOf, look, newClient, refused } from "./harness.mjs";
import * as files from "./photo.mjs";
import { HEIGHT, MASKED_PIXELS, WIDTH } from "./photo.mjs";

const client = newClient();
const photo = await toFile(files.photo, "photo.png", { type: "image/png" });
const mask = await toFile(files.mask, "mask.png", { type: "image/png" });

async function oneImageIsEditedAsAWhole() {
  const answer = await client.images.edit({ image: photo, prompt: "a red door", seed: 7, steps: 8 });
  assert.equal(look(fileOf(answer.data[0])), `png ${WIDTH}x${HEIGHT}`);
  assert.deepEqual([answer.steps_run, answer.edited_pixels, answer.data[0].seed], [5, WIDTH * HEIGHT, 7]);
}

async function aMaskKeepsWhatIsOutsideIt() {
  const answer = await client.images.edit({ image: photo, mask, prompt: "a red door", n: 2, strength: 0.8, feather: 2 });
  assert.deepEqual([answer.edited_pixels, answer.unchanged_outside_mask], [MASKED_PIXELS, true]);
  assert.equal(answer.data.length, 2);
}

async function aListWithOneImageIsTaken() {
  const asked = { mask, prompt: "a red door", seed: 3 };
  const list = await client.images.edit({ image: [photo], ...asked });
  const alone = await client.images.edit({ image: photo, ...asked });
  assert.equal(list.data[0].b64_json, alone.data[0].b64_json);
  const two = await refused(OpenAI.BadRequestError, client.images.edit({ image: [photo, photo], prompt: "x" }));
  assert.deepEqual([two.param, two.code], ["image", "unsupported_value"]);
}

async function anEditStreams() {
  const asked = { image: photo, mask, prompt: "a red door", seed: 5, steps: 8 };
  const events = [];
  for await (const event of await client.images.edit({ ...asked, stream: true, partial_images: 2 })) events.push(event);
  const kinds = ["partial_image", "partial_image", "completed"].map((kind) => `image_edit.${kind}`);
  assert.deepEqual(events.map(({ type }) => type), kinds);
  const plain = await client.images.edit(asked);
  assert.equal(events.at(-1).b64_json, plain.data[0].b64_json);
}

async function aVariationNeedsNoPrompt() {
  const { data, response } = await client.images.createVariation({ image: photo }).withResponse();
  assert.match(response.headers.get("deprecation"), /^@\d+$/);
  assert.equal(data.data.length, 1);
}

await check(
  oneImageIsEditedAsAWhole,
  aMaskKeepsWhatIsOutsideIt,
  aListWithOneImageIsTaken,
  anEditStreams,
  aVariationNeedsNoPrompt,
);
