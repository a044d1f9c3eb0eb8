// Before and after: the source lies over the image, cut off where the slider stands.

/** Where the slider stands when the comparison begins, in percent. */
const MIDDLE = 50;

/** Lets `card` compare its image with the one in `file`. */
export function offerComparison(card, file) {
  const [button, before, slider] = ["compare", "before", "slider"].map((name) => card.part(name));
  const cut = () => { before.style.clipPath = `inset(0 ${100 - Number(slider.value)}% 0 0)`; };
  const show = (isShown) => {
    button.setAttribute("aria-pressed", String(isShown));
    [before.hidden, slider.hidden] = [!isShown, !isShown];
  };
  before.src = card.hold(file);
  slider.value = MIDDLE;
  cut();
  slider.addEventListener("input", cut);
  button.hidden = false;
  button.addEventListener("click", () => show(before.hidden));
}
