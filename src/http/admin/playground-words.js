// Words and figures as the reader writes them. The words come with the page.

const data = JSON.parse(document.getElementById("playground-data").textContent);
const language = document.documentElement.lang;

/** The element `id`. */
export const part = (id) => document.getElementById(id);

/** What the server offers. */
export const terms = data.terms;

/** A message, with `values` in its holes. */
export function say(name, values = {}) {
  return data.words[name].replace(/\{(\w+)\}/g, (hole, value) => values[value] ?? hole);
}

function written(number, options) {
  // A real minus, as the other pages write it.
  return new Intl.NumberFormat(language, options).format(number).replace("-", "−");
}

/** An amount to four decimals; a smaller one to two digits. */
export function money(amount, currency) {
  const isSmall = amount !== 0 && Math.abs(amount) < 0.001;
  const digits = isSmall ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 4, maximumFractionDigits: 4 };
  return written(amount, { style: "currency", currency, ...digits });
}

/** The exact amount, for hovering. */
export function exact(number, unit) {
  return `${written(number, { maximumFractionDigits: 12 })} ${unit}`;
}

/** Energy to milliwatt hours; less than ten of them to two digits. */
export function kwh(energy) {
  const isSmall = energy !== 0 && energy < 0.00001;
  const digits = isSmall ? { maximumSignificantDigits: 2, maximumFractionDigits: 9 } : { maximumFractionDigits: 6 };
  return `${written(energy, digits)}\u00a0kWh`;
}

/** A span of `millis`, as seconds: a short one to a tenth. */
export function seconds(millis) {
  const digits = millis < 10_000 && millis % 1000 !== 0 ? 1 : 0;
  const figure = written(millis / 1000, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return say("seconds", { seconds: figure });
}

/** A whole number. */
export function count(number) {
  return written(number, {});
}

/** A moment such as `2026-11-24 00:00 +08:00`, by the reader's clock. */
export function moment(text) {
  const at = new Date(text.replace(/^(\S+) (\S+) (\S+)$/, "$1T$2$3"));
  if (Number.isNaN(at.getTime())) return text;
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(at);
}

/** How energy is known. */
export function source(word) {
  const words = { metered: say("measured"), measured: say("measured"), integrated: say("sampled"), estimated: say("estimated") };
  return words[word] ?? word;
}

/** Says `text` in the element `place`, with a `detail` in the server's own English; with no text it is empty and away. */
export function tell(place, text, detail = "") {
  const element = part(place);
  element.replaceChildren(text);
  element.hidden = text === "";
  if (detail) {
    const note = document.createElement("small");
    note.lang = "en";
    note.textContent = detail;
    element.append(" ", note);
  }
}
