// The draft: what the form says outlives the page, so that a reload or another page does not lose it.

/** Where the browser keeps it. */
const PLACE = "tintype-draft";

/** Returns the settings that were kept last, or null. */
export function kept() {
  try {
    const settings = JSON.parse(localStorage.getItem(PLACE));
    return typeof settings?.prompt === "string" ? settings : null;
  } catch {
    return null;
  }
}

/** Keeps `settings`. */
export function keep(settings) {
  try {
    localStorage.setItem(PLACE, JSON.stringify(settings));
  } catch {
    // Storage is switched off or full: the form lasts as long as the page.
  }
}
