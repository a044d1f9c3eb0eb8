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

/** Two decimals from 1 up, three significant digits below, as the server's pages write numbers. */
function decimals(number) {
  const size = Math.abs(number);
  const first = size === 0 || size >= 1 ? 0 : Math.ceil(-Math.log10(size));
  return { minimumFractionDigits: 2, maximumFractionDigits: first === 0 ? 2 : Math.min(first + 2, 12) };
}

/** An amount of money. */
export function money(amount, currency) {
  return written(amount, { style: "currency", currency, ...decimals(amount) });
}

/** The exact amount, for hovering. */
export function exact(number, unit) {
  return `${written(number, { maximumFractionDigits: 12 })} ${unit}`;
}

/** Units of energy in kilowatt-hours, from the smallest. */
const ENERGY = [["mWh", 1e-6], ["Wh", 1e-3], ["kWh", 1], ["MWh", 1e3]];

/** `kwh` kilowatt-hours in the unit that keeps the number below 1,000. */
export function energy(kwh) {
  if (kwh === 0) return "0\u00a0kWh";
  const [unit, size] = ENERGY.find(([, size]) => Math.abs(kwh) < size * 1000) ?? ENERGY.at(-1);
  return `${written(kwh / size, decimals(kwh / size))}\u00a0${unit}`;
}

/** A span of `millis` as seconds, a short one to a tenth; below one second as milliseconds. */
export function seconds(millis) {
  if (millis > 0 && millis < 1000) return say("milliseconds", { millis: written(millis) });
  const digits = millis < 10_000 && millis % 1000 !== 0 ? 1 : 0;
  const figure = written(millis / 1000, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return say("seconds", { seconds: figure });
}

/** A share of a whole, above 0. */
export function percent(share) {
  const figure = written(Math.max(share, 0.01), { style: "percent", maximumFractionDigits: 0 });
  return share < 0.01 ? `<${figure}` : figure;
}

/** A number with up to four decimals. */
export function decimal(number) {
  return written(number, { maximumFractionDigits: 4 });
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
  const words = { metered: say("measured"), integrated: say("sampled"), estimated: say("estimated") };
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
