// What a gallery or a job's page sent here: the settings of an earlier request, or an image to edit. The page's address names it, and
// the browser's session, by which the gallery was opened, gets it.

import { CHOSEN } from "./playground-store.js";
import { part, say, tell, terms } from "./playground-words.js";

/** Everybody's images, for operators, and those of one key. */
const GALLERIES = {
  all: { asked: "/admin/gallery/asked/", pictures: "/admin/pictures/" },
  own: { asked: "/gallery/asked/", pictures: "/gallery/pictures/" },
};

/** Does what the page's address says, once. */
export async function takeOver({ form, edit, store }) {
  const query = new URLSearchParams(location.search);
  const gallery = GALLERIES[query.get("from")];
  if (!gallery) return;
  // A reload is not to undo what was typed since.
  history.replaceState(null, "", location.pathname);
  try {
    const name = query.get("edit");
    part("status").textContent = name ? await begin(gallery.pictures, name, edit, store) : await askAgain(gallery.asked, query, form);
  } catch (error) {
    console.error(error);
    tell("problem", say("again-gone"));
  }
}

/** Fills the form, and returns what it says of it. */
async function askAgain(place, query, form) {
  const asked = await (await load(place + query.get("again"))).json();
  const now = form.settings();
  const negative = asked.negative_prompt ?? "";
  if (query.get("take") === "prompt") {
    await form.fill({ ...now, prompt: asked.prompt ?? now.prompt, negative }, { locks: false });
    return say("reused-prompt");
  }
  // Seeds may be larger than numbers are exact.
  const seed = String(BigInt(asked.seed ?? now.seed) + BigInt(query.get("image") ?? 0));
  if (query.get("take") === "seed") {
    await form.fill({ ...now, seed });
    return say("reused-seed", { seed });
  }
  const quality = asked.quality ?? now.quality;
  await form.fill({
    ...now,
    prompt: asked.prompt ?? now.prompt,
    negative,
    size: asked.size ?? now.size,
    quality,
    steps: asked.steps === terms.steps[quality] ? null : asked.steps,
    guidance: asked.guidance_scale ?? now.guidance,
    n: asked.images,
    seed,
    loras: asked.loras,
    edit: null,
  });
  return asked.strength === null ? say("reused", { seed }) : say("reused-edit", { seed });
}

async function begin(place, name, edit, store) {
  const blob = await (await load(place + name)).blob();
  const chosen = { kind: CHOSEN, file: new File([blob], name, { type: blob.type }), name, at: Date.now() };
  // If the disk is full, it lasts as long as the page.
  const id = await store.add(chosen).catch(() => null);
  await edit.begin({ ...chosen, id });
  return say("edit-begun");
}

async function load(place) {
  const answer = await fetch(place, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${place}: ${answer.status}`);
  return answer;
}
