// Keeps the lists of a page fresh, whose ids its status line names. Without this file the page has a link that loads it again.

import "./ask.js";

const PACE_MS = 2000;
// Asking keeps a session alive, so a page that nobody touches stops asking, and the session can end.
const REST_MS = 10 * 60 * 1000;

const status = document.getElementById("live-status");
const pace = document.getElementById("live-pace");
const refresh = document.getElementById("live-refresh");
let touchedAt = Date.now();

function say(mood) {
  const text = status.dataset[mood];
  if (pace.textContent !== text) pace.textContent = text;
  refresh.hidden = mood === "live";
}

function replace(id, page) {
  const before = document.getElementById(id);
  const after = page.getElementById(id);
  if (!after || before.isEqualNode(after) || before.querySelector(":active")) return;
  const focused = before.contains(document.activeElement) ? document.activeElement.id : "";
  const scrolled = before.querySelector(".scroll")?.scrollLeft ?? 0;
  before.replaceWith(after);
  const region = after.querySelector(".scroll");
  if (region) region.scrollLeft = scrolled;
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

async function ask() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  // To the sign-in page: the session is over.
  if (answer.redirected) return location.reload();
  if (!answer.ok) throw new Error(answer.statusText);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of status.dataset.sections.split(" ")) replace(id, page);
}

async function turn() {
  if (Date.now() - touchedAt > REST_MS) {
    say("paused");
  } else if (!document.hidden) {
    try {
      await ask();
      say("live");
    } catch {
      say("lost");
    }
  }
  setTimeout(turn, PACE_MS);
}

for (const kind of ["pointerdown", "pointermove", "keydown", "scroll", "visibilitychange"]) {
  document.addEventListener(kind, () => { touchedAt = Date.now(); }, { passive: true });
}
say("live");
setTimeout(turn, PACE_MS);
