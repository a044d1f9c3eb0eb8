// OpenAI's SDK for Node against Tintype: what one image costs, then two images, retried safely.
//
//     npm install openai
//     OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=tt-… node examples/openai_client.mjs
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import OpenAI from "openai";

const prompt = process.argv[2] ?? "a red apple on a blue background";
const client = new OpenAI(); // reads both variables

const quote = await client.images.generate({ prompt, n: 2, dry_run: true });
console.log(`will cost about ${quote.all_images.total} ${quote.all_images.currency}`);

// With an Idempotency-Key the SDK's own retries are charged once.
const headers = { "Idempotency-Key": randomUUID() };
const answer = await client.images.generate({ prompt, n: 2, seed: 42 }, { headers });
for (const { b64_json, seed, receipt } of answer.data) {
  const file = `image-${seed}.png`;
  await writeFile(file, Buffer.from(b64_json, "base64"));
  console.log(`${file}: cost ${receipt.total} ${receipt.currency}`);
}
