// An image over the page, with its details; and those that are chosen in one download. Without it, each image has its buttons.

import "./ask.js";

document.documentElement.classList.add("scripted");

const items = [...document.querySelectorAll(".gallery li")];
const lightbox = document.getElementById("lightbox");
const frame = lightbox.querySelector(".frame");
const zoom = lightbox.querySelector("[data-zoom]");
let shown = 0;

function show(index) {
  shown = (index + items.length) % items.length;
  const item = items[shown];
  frame.querySelector("img").src = item.querySelector(".open").href;
  setZoom(false);
  const more = item.querySelector(".more").cloneNode(true);
  lightbox.querySelector(".details").replaceChildren(item.querySelector(".caption").cloneNode(true), more);
  if (!lightbox.open) lightbox.showModal();
}

function setZoom(isZoomed) {
  frame.classList.toggle("zoomed", isZoomed);
  zoom.setAttribute("aria-pressed", String(isZoomed));
}

items.forEach((item, index) => {
  item.querySelector(".open").addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(index);
  });
});
for (const button of lightbox.querySelectorAll("[data-step]")) {
  button.addEventListener("click", () => show(shown + Number(button.dataset.step)));
}
zoom.addEventListener("click", () => setZoom(!frame.classList.contains("zoomed")));
lightbox.querySelector("[data-close]").addEventListener("click", () => lightbox.close());
lightbox.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") show(shown - 1);
  if (event.key === "ArrowRight") show(shown + 1);
});
lightbox.addEventListener("click", (event) => {
  if (event.target === lightbox) lightbox.close();
});

// A star without another page; where that fails, the form goes its own way.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-star]")) return;
  event.preventDefault();
  const answer = await fetch(form.action, {
    method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" },
  }).catch(() => null);
  if (!answer?.ok) return form.submit();
  const { favourite } = await answer.json();
  for (const other of document.querySelectorAll(`[data-star][action="${form.getAttribute("action")}"]`)) {
    other.elements.on.value = favourite ? "0" : "1";
    other.querySelector("button").setAttribute("aria-pressed", String(favourite));
    other.closest("li")?.classList.toggle("favourite", favourite);
  }
});

const download = document.getElementById("download");
if (download) {
  const [names, button] = [download.elements.names, download.querySelector("button")];
  const all = names.value;
  document.querySelector(".gallery").addEventListener("change", () => {
    const chosen = items.map((item) => item.querySelector("input")).filter(({ checked }) => checked);
    names.value = chosen.length > 0 ? chosen.map(({ value }) => value).join() : all;
    button.textContent = chosen.length > 0 ? download.dataset.chosen : download.dataset.all;
  });
}
