// Painting the mask over the source: by mouse, finger or pen, and by keyboard.

import { BRUSH, ERASER, draw, drawStep, measure } from "./playground-mask.js";
import { part, percent, say } from "./playground-words.js";

/** The longer side of the canvas at most; the mask itself has the image's pixels. */
const VIEW_MAX = 1024;
/** The brush in shares of the image's longer side: at first, and what one press of [ or ] changes it by. */
const SIZE_FIRST = 0.1;
const SIZE_FACTOR = 1.25;
/** How far an arrow key moves the brush: in shares of its size, and with Shift. */
const MOVE = 0.25;
const MOVE_FAR = 4;
/** The eraser of a pen among `PointerEvent.buttons`. */
const PEN_ERASER = 32;

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Painter {
  #canvas = part("mask");
  #context = this.#canvas.getContext("2d", { willReadFrequently: true });
  #onChange;
  #image = { width: 1, height: 1 };
  #scale = 1;
  #steps = [];
  #undone = [];
  #tool = BRUSH;
  /** The step that is being painted, or null. */
  #line = null;
  /** Whether it is painted by keys. */
  #isByKeys = false;
  /** Where the brush is, in pixels of the image. */
  #at = [0, 0];
  #painted = { share: 0, box: null };

  /** Calls `onChange` after each change of the mask. */
  constructor(onChange) {
    this.#onChange = onChange;
    this.#listenToPointers();
    this.#canvas.addEventListener("blur", () => this.#lift());
    part("edit").addEventListener("keydown", (event) => this.#pressed(event));
    part("brush").addEventListener("click", () => this.#take(BRUSH));
    part("eraser").addEventListener("click", () => this.#take(ERASER));
    part("brush-size").addEventListener("input", () => this.#showBrush());
    for (const name of ["undo", "redo", "invert", "clear"]) {
      part(name).addEventListener("click", () => this.#do(name));
    }
  }

  /** Takes an image of `width` × `height` whose mask is painted by `steps`. */
  open({ width, height }, steps) {
    this.#image = { width, height };
    this.#scale = Math.min(1, VIEW_MAX / Math.max(width, height));
    this.#canvas.width = Math.max(1, Math.round(width * this.#scale));
    this.#canvas.height = Math.max(1, Math.round(height * this.#scale));
    [this.#steps, this.#undone, this.#line] = [[...steps], [], null];
    this.#at = [width / 2, height / 2];
    const size = part("brush-size");
    [size.min, size.max] = [1, Math.round(Math.max(width, height) / 2)];
    size.value = Math.round(Math.max(width, height) * SIZE_FIRST);
    this.#take(BRUSH);
    this.#redraw();
  }

  /** What the mask is painted by. */
  get steps() {
    return this.#steps;
  }

  /** How much is painted: its share, and the box around it; null if nothing is. */
  get painted() {
    return this.#painted;
  }

  // Pointers

  #listenToPointers() {
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#moved(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    // The browser takes a touch over to zoom or scroll: it was no painting.
    canvas.addEventListener("pointercancel", () => { this.#line = null; this.#redraw(); });
    canvas.addEventListener("pointerleave", () => { if (!this.#line) part("ring").hidden = true; });
  }

  #down(event) {
    if (!event.isPrimary || (event.buttons & (1 | PEN_ERASER)) === 0) return;
    event.preventDefault();
    this.#lift();
    this.#canvas.focus({ preventScroll: true });
    this.#canvas.setPointerCapture(event.pointerId);
    this.#at = this.#place(event);
    this.#begin((event.buttons & PEN_ERASER) !== 0 ? ERASER : this.#tool);
  }

  #moved(event) {
    if (!event.isPrimary || this.#isByKeys) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length > 0 ? events : [event]) this.#moveTo(this.#place(one));
  }

  #up(event) {
    if (event.isPrimary && !this.#isByKeys) this.#end();
  }

  /** Where `event` is, in pixels of the image. */
  #place({ clientX, clientY }) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const { width: wide, height: high } = this.#image;
    return [((clientX - left) / width) * wide, ((clientY - top) / height) * high];
  }

  // Keys

  #pressed(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.isComposing || event.altKey) return;
    if (event.ctrlKey || event.metaKey) {
      const act = key === "y" || (key === "z" && event.shiftKey) ? "redo" : key === "z" ? "undo" : null;
      // Text and numbers have an undo of their own.
      if (act && !event.target.matches("input:not([type=range])")) this.#act(event, () => this.#do(act));
    } else if (event.target === this.#canvas) {
      const acts = {
        b: () => this.#take(BRUSH), e: () => this.#take(ERASER), i: () => this.#do("invert"),
        Delete: () => this.#do("clear"), Escape: () => this.#lift(), " ": () => this.#press(),
        "[": () => this.#resize(1 / SIZE_FACTOR), "]": () => this.#resize(SIZE_FACTOR),
      };
      const arrow = ARROWS[key];
      const act = arrow ? () => this.#step(arrow, event.shiftKey) : acts[key];
      if (act) this.#act(event, act);
    }
  }

  #act(event, act) {
    event.preventDefault();
    act();
  }

  /** Puts the brush down, or lifts it. */
  #press() {
    if (this.#line) return this.#lift();
    this.#isByKeys = true;
    this.#begin(this.#tool);
    part("mask-status").textContent = say("brush-down");
  }

  #lift() {
    if (this.#isByKeys) this.#end();
  }

  #step([right, down], isFar) {
    const step = Math.max(1, this.#size * MOVE * (isFar ? MOVE_FAR : 1));
    const clamp = (value, most) => Math.min(Math.max(value, 0), most);
    const [x, y] = this.#at;
    this.#moveTo([clamp(x + right * step, this.#image.width), clamp(y + down * step, this.#image.height)]);
  }

  #resize(factor) {
    const size = part("brush-size");
    const next = Math.round(this.#size * factor);
    size.value = next === this.#size ? next + Math.sign(factor - 1) : next;
    this.#showBrush();
  }

  // Steps

  get #size() {
    return Number(part("brush-size").value);
  }

  #begin(tool) {
    this.#line = { tool, size: this.#size, points: this.#at.map(tenths) };
    drawStep(this.#context, this.#line, this.#scale);
    this.#showRing();
  }

  #moveTo(place) {
    this.#at = place;
    this.#showRing();
    if (!this.#line) return;
    const { tool, size, points } = this.#line;
    const next = place.map(tenths);
    const last = points.slice(-2);
    if (next[0] === last[0] && next[1] === last[1]) return;
    points.push(...next);
    drawStep(this.#context, { tool, size, points: [...last, ...next] }, this.#scale);
  }

  #end() {
    const line = this.#line;
    [this.#line, this.#isByKeys] = [null, false];
    if (line) this.#add(line);
  }

  #add(step) {
    this.#steps.push(step);
    this.#undone = [];
    this.#changed();
  }

  #do(name) {
    this.#lift();
    if (name === "undo" && this.#steps.length > 0) this.#undone.push(this.#steps.pop());
    else if (name === "redo" && this.#undone.length > 0) this.#steps.push(this.#undone.pop());
    else if (name === "invert") return this.#add({ tool: "invert" });
    else if (name === "clear" && this.#steps.length > 0) return this.#add({ tool: "clear" });
    else return undefined;
    return this.#changed();
  }

  #changed() {
    this.#redraw();
    this.#onChange();
  }

  // What is shown

  #take(tool) {
    this.#tool = tool;
    for (const name of [BRUSH, ERASER]) part(name).setAttribute("aria-pressed", String(name === tool));
    this.#showBrush();
  }

  #redraw() {
    // The colour of the sheet; only its opacity counts.
    const colour = getComputedStyle(this.#canvas).color;
    [this.#context.fillStyle, this.#context.strokeStyle] = [colour, colour];
    draw(this.#context, this.#steps, this.#scale);
    this.#painted = measure(this.#context);
    const { share } = this.#painted;
    part("mask-status").textContent = share > 0 ? say("mask-share", { share: percent(share) }) : say("mask-empty");
    part("undo").disabled = this.#steps.length === 0;
    part("redo").disabled = this.#undone.length === 0;
    part("clear").disabled = share === 0;
    this.#showRing();
  }

  #showBrush() {
    part("brush-pixels").textContent = `${this.#size} px`;
    this.#showRing();
  }

  #showRing() {
    const ring = part("ring");
    const { width, height } = this.#image;
    ring.hidden = document.activeElement !== this.#canvas && !this.#canvas.matches(":hover");
    ring.classList.toggle("down", this.#line !== null);
    ring.style.left = `${(this.#at[0] / width) * 100}%`;
    ring.style.top = `${(this.#at[1] / height) * 100}%`;
    ring.style.width = `${(this.#size / width) * 100}%`;
  }
}

function tenths(side) {
  return Math.round(side * 10) / 10;
}
