// The form's request as programs that run as they are. The key comes from the environment: code is passed on.

/** What OpenAI's SDK for Python has names for; the rest goes into extra_body. */
const SDK_FIELDS = ["prompt", "n", "size", "quality", "output_format"];

/** For a shell: the answer has links to the pictures. */
export function curl(base, body) {
  const json = JSON.stringify({ ...body, response_format: "url" }, null, 2).replaceAll("'", "'\\''");
  return [
    `curl ${base}/v1/images/generations \\`,
    '  -H "Authorization: Bearer $TINTYPE_KEY" \\',
    '  -H "Content-Type: application/json" \\',
    `  -d '${json}'`,
  ].join("\n");
}

/** For OpenAI's SDK for Python: a file for each picture. A text of JSON is one of Python too. */
export function python(base, body) {
  const own = Object.entries(body).filter(([name]) => SDK_FIELDS.includes(name));
  const extra = Object.entries(body).filter(([name]) => !SDK_FIELDS.includes(name));
  const pairs = extra.map(([name, value]) => `"${name}": ${JSON.stringify(value)}`);
  return [
    "import base64",
    "import os",
    "",
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url="${base}/v1", api_key=os.environ["TINTYPE_KEY"])`,
    "answer = client.images.generate(",
    ...own.map(([name, value]) => `    ${name}=${JSON.stringify(value)},`),
    ...(pairs.length > 0 ? [`    extra_body={${pairs.join(", ")}},`] : []),
    ")",
    "for image in answer.data:",
    `    with open(f"{image.seed}.${body.output_format}", "wb") as file:`,
    "        file.write(base64.b64decode(image.b64_json))",
    '    print(image.seed, image.receipt["total"], image.receipt["currency"])',
  ].join("\n");
}

/** For OpenAI's SDK for Node: the same. */
export function node(base, body) {
  return [
    'import { writeFile } from "node:fs/promises";',
    'import OpenAI from "openai";',
    "",
    `const client = new OpenAI({ baseURL: "${base}/v1", apiKey: process.env.TINTYPE_KEY });`,
    "const answer = await client.images.generate({",
    ...Object.entries(body).map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`),
    "});",
    "for (const image of answer.data) {",
    `  await writeFile(\`\${image.seed}.${body.output_format}\`, Buffer.from(image.b64_json, "base64"));`,
    "  console.log(image.seed, image.receipt.total, image.receipt.currency);",
    "}",
  ].join("\n");
}
