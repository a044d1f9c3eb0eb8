// Tabs, and charts that lead on. Without it, everything is on the page, one below the other.

const tabs = [...document.querySelectorAll(".tabs a")];
const panels = tabs.map((tab) => document.querySelector(tab.hash));

function show(hash) {
  // A place within a panel opens that panel.
  const target = hash ? document.getElementById(hash.slice(1)) : null;
  const found = panels.findIndex((panel) => panel === target || panel.contains(target));
  const chosen = Math.max(found, 0);
  panels.forEach((panel, index) => (panel.hidden = index !== chosen));
  tabs.forEach((tab, index) => {
    if (index === chosen) tab.setAttribute("aria-current", "true");
    else tab.removeAttribute("aria-current");
  });
}

for (const tab of tabs) {
  tab.addEventListener("click", (event) => {
    event.preventDefault();
    history.replaceState(null, "", tab.hash);
    show(tab.hash);
  });
}
addEventListener("hashchange", () => show(location.hash));
if (tabs.length > 0) show(location.hash);

// On paper everything is shown again.
addEventListener("beforeprint", () => panels.forEach((panel) => (panel.hidden = false)));
addEventListener("afterprint", () => show(location.hash));

document.addEventListener("click", (event) => {
  const page = event.target.closest?.("[data-page]")?.dataset.page;
  if (page) location.assign(page);
});
