// What the demo model knows: whether a prompt holds any of it, said beside the prompt before an image is asked for.

import { part, say, tell } from "./playground-words.js";

/** Words of the longest name. */
const LONGEST = 6;

export class Known {
  #words = load();

  /** Says beside the prompt if nothing in it is known. */
  async look() {
    const prompt = part("prompt").value;
    const isUnknown = await this.isUnknown(prompt);
    if (part("prompt").value === prompt) tell("unknown", isUnknown ? say("unknown") : "");
  }

  /** Whether `prompt` says something, and the model knows nothing of it. */
  async isUnknown(prompt) {
    const { english, chinese } = await this.#words;
    const text = prompt.normalize("NFKC").toLowerCase();
    if (text.trim() === "" || english.size === 0) return false;
    return !chinese.some((name) => text.includes(name)) && !namesIn(text).some((name) => english.has(name));
  }
}

async function load() {
  try {
    const { ENGLISH, CHINESE } = await import("./playground-known-words.js");
    const list = (words) => words.split("|").map((word) => word.replace(/\s+/g, " ").trim().toLowerCase());
    return { english: new Set(list(ENGLISH)), chinese: list(CHINESE) };
  } catch (error) {
    // Without them nothing is said of a prompt.
    console.error(error);
    return { english: new Set(), chinese: [] };
  }
}

/** Every run of words in `text` that may be a name, as it stands and in the singular. */
function namesIn(text) {
  const words = text.match(/[\p{L}\p{N}][\p{L}\p{N}'’.-]*/gu)?.map((word) => word.replace(/[.'’-]+$/, "")) ?? [];
  const names = [];
  words.forEach((_, from) => {
    for (let to = from + 1; to <= Math.min(words.length, from + LONGEST); to += 1) {
      const name = words.slice(from, to).join(" ");
      names.push(name, name.replace(/s$/, ""), name.replace(/es$/, ""), name.replace(/ies$/, "y"));
    }
  });
  return names;
}
