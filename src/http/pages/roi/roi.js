// Keeps each slider and its number together, and the results up to date. Without it, a button does.

const form = document.getElementById("roi-form");
const results = document.getElementById("results");
const announcement = document.getElementById("announcement");
const PAUSE_MS = 150;

let timer;
let asking = new AbortController();

async function refresh() {
  asking.abort();
  asking = new AbortController();
  const address = `${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`;
  try {
    const answer = await fetch(address, { headers: { accept: "text/html" }, signal: asking.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById("results");
    if (!found) return location.assign(address); // The session has ended: sign in, and come back.
    const open = [...results.querySelectorAll("details")].map((details) => details.open);
    results.replaceChildren(...found.childNodes);
    results.querySelectorAll("details").forEach((details, index) => (details.open = open[index] ?? false));
    announcement.textContent = results.querySelector("#verdict, .problem")?.textContent ?? "";
    history.replaceState(null, "", address);
    for (const back of document.querySelectorAll('input[name="back"]')) back.value = address;
  } catch (error) {
    if (error.name !== "AbortError") form.submit();
  }
}

function refreshSoon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, PAUSE_MS);
}

for (const slider of form.querySelectorAll('input[type="range"]')) {
  const number = form.elements[slider.dataset.for];
  slider.hidden = false;
  slider.addEventListener("input", () => {
    number.value = slider.value;
    refreshSoon();
  });
  number.addEventListener("input", () => {
    slider.value = number.value;
    if (number.validity.valid) refreshSoon();
  });
}
form.addEventListener("submit", (event) => {
  event.preventDefault();
  refresh();
});
