// The mask as steps of painting. It is drawn from them at any scale, so that it has every pixel of a large image, can be
// undone step by step, and is small to keep.
//
// A step is { tool: "brush" | "eraser", size, points: [x, y, x, y, …] } in pixels of the image, or { tool: "invert" },
// or { tool: "clear" }. What is painted is repainted.

export const BRUSH = "brush";
export const ERASER = "eraser";

/** From this opacity on, a pixel is repainted. */
const OPAQUE_MIN = 128;

/** Draws `steps` on an empty canvas, at `scale` of its pixels to a pixel of the image. */
export function draw(context, steps, scale) {
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  for (const step of steps) drawStep(context, step, scale);
}

/** Draws one more step. */
export function drawStep(context, { tool, size, points }, scale) {
  const { width, height } = context.canvas;
  context.save();
  if (tool === "clear") {
    context.clearRect(0, 0, width, height);
  } else if (tool === "invert") {
    context.globalCompositeOperation = "source-out";
    context.fillRect(0, 0, width, height);
  } else {
    context.globalCompositeOperation = tool === ERASER ? "destination-out" : "source-over";
    drawLine(context, points.map((side) => side * scale), size * scale);
  }
  context.restore();
}

function drawLine(context, points, size) {
  // A line of no length is drawn by no browser alike: its begin is a disc.
  context.beginPath();
  context.arc(points[0], points[1], size / 2, 0, 2 * Math.PI);
  context.fill();
  context.beginPath();
  context.moveTo(points[0], points[1]);
  for (let at = 2; at < points.length; at += 2) context.lineTo(points[at], points[at + 1]);
  [context.lineWidth, context.lineCap, context.lineJoin] = [size, "round", "round"];
  context.stroke();
}

/** How much of a canvas is painted: its `share`, and the `box` around it in pixels of the canvas, or null. */
export function measure(context) {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  let painted = 0;
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (data[4 * (y * width + x) + 3] >= OPAQUE_MIN) {
        painted += 1;
        [left, top] = [Math.min(left, x), Math.min(top, y)];
        [right, bottom] = [Math.max(right, x + 1), Math.max(bottom, y + 1)];
      }
    }
  }
  return { share: painted / (width * height), box: painted > 0 ? [left, top, right, bottom] : null };
}

/**
 * The mask of an image of `width` × `height` as OpenAI has it: a PNG whose transparent pixels are repainted. Null if nothing
 * is painted.
 */
export async function maskFile(steps, width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  draw(context, steps, 1);
  const pixels = context.getImageData(0, 0, width, height);
  let painted = 0;
  for (let at = 0; at < pixels.data.length; at += 4) {
    const isPainted = pixels.data[at + 3] >= OPAQUE_MIN;
    painted += isPainted;
    pixels.data.set([0, 0, 0, isPainted ? 0 : 255], at);
  }
  if (painted === 0) return null;
  context.putImageData(pixels, 0, 0);
  const file = await new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
  if (!file) throw new Error("no file");
  return new File([file], "mask.png", { type: "image/png" });
}
