// Images from outside: chosen, dropped on the page, or pasted.

import { part } from "./playground-words.js";

/** What the server reads. */
const TYPES = ["image/png", "image/jpeg", "image/webp"];

/** Calls `onFile` with each image file that comes, and `onOther` when something else does. */
export function listenForFiles({ onFile, onOther }) {
  const take = (files) => {
    const file = [...files].find(({ type }) => TYPES.includes(type));
    if (file) onFile(file);
    else onOther();
  };
  part("source-file").addEventListener("change", ({ target }) => {
    if (target.files.length > 0) take(target.files);
    // So that the same file can be chosen again.
    target.value = "";
  });
  addEventListener("paste", (event) => {
    const { files } = event.clipboardData;
    if (files.length === 0) return;
    event.preventDefault();
    take(files);
  });
  const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
  const show = (isOver) => document.body.classList.toggle("dropping", isOver);
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    // Otherwise the browser leaves the page for the image.
    event.preventDefault();
    show(true);
  });
  addEventListener("dragleave", ({ relatedTarget }) => { if (relatedTarget === null) show(false); });
  addEventListener("drop", (event) => {
    show(false);
    if (!hasFiles(event)) return;
    event.preventDefault();
    take(event.dataTransfer.files);
  });
}

/** The width and height of the image in `file`, turned upright; null if this browser cannot read it. */
export async function sizeOf(file) {
  try {
    const image = await createImageBitmap(file, { imageOrientation: "from-image" });
    const { width, height } = image;
    image.close();
    return { width, height };
  } catch {
    return null;
  }
}
