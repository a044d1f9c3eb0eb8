// The form's request as programs that run as they are. The key comes from the environment: code is passed on.
//
// `files` of an edit are the names { image, mask } and the image's `type`; the mask may be null. Null without an edit.

/** What OpenAI's SDK for Python has names for; the rest goes into extra_body. */
const SDK_FIELDS = ["prompt", "n", "size", "quality", "output_format"];

/** For a shell: the answer has links to the images. */
export function curl(base, body, files = null) {
  const asked = { ...body, response_format: "url" };
  const head = [
    `curl ${base}/v1/images/${files ? "edits" : "generations"} \\`,
    '  -H "Authorization: Bearer $TINTYPE_KEY" \\',
  ];
  if (files) return [...head, ...curlParts(asked, files)].join("\n");
  const json = JSON.stringify(asked, null, 2);
  return [...head, '  -H "Content-Type: application/json" \\', `  -d ${quoted(json)}`].join("\n");
}

/** A text of -F that begins with @ or < would be a file's name; --form-string has no such signs. */
function curlParts(body, { image, mask }) {
  const fields = Object.entries(body).map(([name, value]) => `  --form-string ${quoted(`${name}=${value}`)}`);
  const files = [`  -F image=@${image}`, ...(mask ? [`  -F mask=@${mask}`] : [])];
  return [...files, ...fields].map((line, at, { length }) => (at < length - 1 ? `${line} \\` : line));
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** For OpenAI's SDK for Python: a file for each image. A text of JSON is one of Python too. */
export function python(base, body, files = null) {
  const own = Object.entries(body).filter(([name]) => SDK_FIELDS.includes(name));
  const extra = Object.entries(body).filter(([name]) => !SDK_FIELDS.includes(name));
  const pairs = extra.map(([name, value]) => `"${name}": ${pythonValue(value)}`);
  const opened = Object.entries(files ?? {}).filter(([name, file]) => name !== "type" && file);
  return [
    "import base64",
    "import os",
    "",
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url="${base}/v1", api_key=os.environ["TINTYPE_KEY"])`,
    `answer = client.images.${files ? "edit" : "generate"}(`,
    ...opened.map(([name, file]) => `    ${name}=open("${file}", "rb"),`),
    ...own.map(([name, value]) => `    ${name}=${pythonValue(value)},`),
    ...(pairs.length > 0 ? [`    extra_body={${pairs.join(", ")}},`] : []),
    ")",
    "for image in answer.data:",
    `    with open(f"{image.seed}.${body.output_format}", "wb") as file:`,
    "        file.write(base64.b64decode(image.b64_json))",
    '    print(image.seed, image.receipt["total"], image.receipt["currency"])',
  ].join("\n");
}

function pythonValue(value) {
  if (typeof value === "boolean") return value ? "True" : "False";
  return JSON.stringify(value);
}

/** For OpenAI's SDK for Node: the same. */
export function node(base, body, files = null) {
  const opened = files ? nodeFiles(files) : [];
  return [
    ...(files ? ['import { createReadStream } from "node:fs";'] : []),
    'import { writeFile } from "node:fs/promises";',
    `import OpenAI${files ? ", { toFile }" : ""} from "openai";`,
    "",
    `const client = new OpenAI({ baseURL: "${base}/v1", apiKey: process.env.TINTYPE_KEY });`,
    `const answer = await client.images.${files ? "edit" : "generate"}({`,
    ...opened,
    ...Object.entries(body).map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`),
    "});",
    "for (const image of answer.data) {",
    `  await writeFile(\`\${image.seed}.${body.output_format}\`, Buffer.from(image.b64_json, "base64"));`,
    "  console.log(image.seed, image.receipt.total, image.receipt.currency);",
    "}",
  ].join("\n");
}

function nodeFiles({ image, mask, type }) {
  const line = (name, file, kind) =>
    `  ${name}: await toFile(createReadStream("${file}"), "${file}", { type: "${kind}" }),`;
  return [line("image", image, type), ...(mask ? [line("mask", mask, "image/png")] : [])];
}
