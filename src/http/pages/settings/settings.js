// Shows what a form would change on the example month, while it is filled in. Without it, the month is right after saving.

const effect = document.getElementById("effect");
const PAUSE_MS = 250;

let timer;
let asking = new AbortController();

async function refresh(form) {
  asking.abort();
  asking = new AbortController();
  const body = new URLSearchParams(new FormData(form));
  try {
    const answer = await fetch("/admin/settings/effect", { method: "POST", body, signal: asking.signal });
    if (!answer.ok || answer.redirected) return; // The session has ended, or the form is too old: saving says so.
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    effect.replaceChildren(...page.body.childNodes);
  } catch (error) {
    if (error.name !== "AbortError") console.info(error);
  }
}

for (const form of document.querySelectorAll("form[data-effect]")) {
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, PAUSE_MS, form);
  });
}

// Only the fields of the chosen way of wearing out.
const life = document.getElementById("machine-life");
function showLife() {
  const isByImages = life.value === "images";
  for (const [name, isShown] of [["years", !isByImages], ["utilisation", !isByImages], ["images", isByImages]]) {
    const input = document.getElementById(`machine-${name}`);
    input.closest(".field").hidden = !isShown;
    input.disabled = !isShown;
  }
}
if (life) {
  life.addEventListener("input", showLife);
  showLife();
}

// A file is read into the field that would take its text.
for (const label of document.querySelectorAll("[data-file]")) {
  label.hidden = false;
  label.querySelector("input").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    const form = label.closest("form");
    if (!file) return;
    form.elements[label.dataset.file].value = await file.text();
    form.dispatchEvent(new Event("input"));
  });
}
