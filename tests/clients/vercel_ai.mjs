// Vercel's AI SDK against a running Tintype: images, and edits with a mask.
import assert from "node:assert/strict";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, generateImage } from "ai";
import { check, look, refused, server } from "./harness.mjs";
import { HEIGHT, WIDTH, mask, photo } from "./photo.mjs";

const model = createOpenAI({ baseURL: `${server}/v1`, apiKey: process.env.TINTYPE_KEY }).image("gpt-image-1");
/** The SDK tries again what is refused for now; these checks want the first answer. */
const ask = (asked) => generateImage({ model, maxRetries: 0, ...asked });
const looks = ({ images }) => images.map(({ uint8Array }) => look(uint8Array));

async function anImageIsGenerated() {
  assert.deepEqual(looks(await ask({ prompt: "a lighthouse", size: "24x16", n: 2 })), ["png 24x16", "png 24x16"]);
}

async function anImageIsEdited() {
  assert.deepEqual(looks(await ask({ prompt: { text: "a red door", images: [photo] } })), [`png ${WIDTH}x${HEIGHT}`]);
}

async function anImageIsEditedWithinAMask() {
  const providerOptions = { openai: { quality: "low", outputFormat: "webp" } };
  const edited = await ask({ prompt: { text: "a red door", images: [photo], mask }, providerOptions });
  assert.deepEqual(looks(edited), [`webp ${WIDTH}x${HEIGHT}`]);
}

async function twoImagesAreRefused() {
  const error = await refused(APICallError, ask({ prompt: { text: "a red door", images: [photo, photo] } }));
  const { param, code } = JSON.parse(error.responseBody).error;
  assert.deepEqual([error.statusCode, param, code], [400, "image", "unsupported_value"]);
}

await check(anImageIsGenerated, anImageIsEdited, anImageIsEditedWithinAMask, twoImagesAreRefused);
