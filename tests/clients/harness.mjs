// What the scripts share: clients, a look into images, and the run of the checks. See harness.py.
import assert from "node:assert/strict";
import { imageSize } from "image-size";
import OpenAI from "openai";

export const server = process.env.TINTYPE_URL;

export function newClient(options = {}) {
  return new OpenAI({ baseURL: `${server}/v1`, apiKey: process.env.TINTYPE_KEY, timeout: 120_000, ...options });
}

/** Format and size of an image, such as `png 32x32`. */
export function look(file) {
  const { type, width, height } = imageSize(file);
  return `${type} ${width}x${height}`;
}

/** The file in an image of an answer, or in an event of a stream. */
export function fileOf({ b64_json }) {
  const file = Buffer.from(b64_json, "base64");
  assert.equal(file.toString("base64"), b64_json, "bare, padded base64");
  return file;
}

/** Content type and file behind an image's URL, fetched without a key. */
export async function fetchImage(url) {
  const answer = await fetch(url);
  assert.equal(answer.status, 200);
  return { type: answer.headers.get("content-type"), file: Buffer.from(await answer.arrayBuffer()) };
}

/** The SDK's error where `promise` fails with one of class `kind`. */
export async function refused(kind, promise) {
  try {
    await promise;
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: `not refused with ${kind.name}` });
}

/** Runs each check and says so; the first that fails ends the script. */
export async function check(...checks) {
  for (const one of checks) {
    await one();
    console.log("ok", one.name);
  }
}
