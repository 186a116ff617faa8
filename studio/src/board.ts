/** The canvas that one draws on: pointer, keyboard, tools; what changed is told as rectangles. */

import type { LabelClass } from "./description";
import { History, isEmpty, type LabelMap, type Rect } from "./label_map";

export type Tool = "brush" | "line" | "fill" | "eraser";
type Point = [number, number];
/** What lies over the canvas: where the brush is, and the line that would be drawn. */
type Overlay = { cursor: HTMLElement; ruler: SVGSVGElement };

export class Board {
  tool: Tool = "brush";
  chosen = 0;
  diameter = 12;
  private history: History;
  private last: Point | null = null;
  private pointer: number | null = null; // the one finger that draws
  private cursor: Point;
  private readonly context: CanvasRenderingContext2D;

  constructor(
    readonly canvas: HTMLCanvasElement,
    readonly map: LabelMap,
    private classes: LabelClass[],
    private overlay: Overlay,
    private changed: (rect: Rect) => void,
    private over: (id: number) => void,
    before: Board | null = null,
  ) {
    overlay.ruler.setAttribute("hidden", ""); // of a line that another board began
    canvas.width = map.width;
    canvas.height = map.height;
    this.context = canvas.getContext("2d", { willReadFrequently: true })!;
    this.history = before?.map === map ? before.history : new History(map);
    this.cursor = [map.width / 2, map.height / 2];
    canvas.onpointerdown = (event) => this.down(event);
    canvas.onpointermove = (event) => this.move(event);
    canvas.onpointerup = canvas.onpointercancel = (event) => this.up(event);
    canvas.onpointerleave = () => (overlay.cursor.hidden = true);
    canvas.onkeydown = (event) => this.key(event);
    this.draw(map.all);
  }

  get canUndo() {
    return this.history.canUndo;
  }

  get canRedo() {
    return this.history.canRedo;
  }

  undo() {
    if (this.pointer === null) this.apply(this.history.undo());
  }

  redo() {
    if (this.pointer === null) this.apply(this.history.redo());
  }

  private get id() {
    return this.tool === "eraser" ? 0 : this.chosen;
  }

  private place(event: PointerEvent): Point {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * this.map.width,
      ((event.clientY - box.top) / box.height) * this.map.height,
    ];
  }

  private down(event: PointerEvent) {
    if (event.button || this.pointer !== null) return;
    this.pointer = event.pointerId;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true }); // the page must not move beneath the finger
    this.canvas.setPointerCapture(event.pointerId);
    const point = this.place(event);
    this.history.begin();
    if (this.tool === "fill") this.note(this.map.fill(...point, this.id));
    else if (this.tool !== "line") this.note(this.map.stamp(...point, this.diameter, this.id));
    this.last = point;
  }

  private move(event: PointerEvent) {
    const point = this.place(event);
    this.show(point);
    if (event.pointerId !== this.pointer) return;
    if (this.last && this.tool === "line") this.measure(this.last, point);
    if (!this.last || this.tool === "fill" || this.tool === "line") return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) this.stroke(this.place(each));
    this.stroke(point);
  }

  private stroke(point: Point) {
    this.note(this.map.line(...this.last!, ...point, this.diameter, this.id));
    this.last = point;
  }

  private up(event: PointerEvent) {
    if (event.pointerId !== this.pointer || !this.last) return;
    this.pointer = null;
    this.overlay.ruler.setAttribute("hidden", "");
    if (this.tool === "line" && event.type === "pointerup") this.stroke(this.place(event));
    this.last = null;
    this.history.end();
    this.changed({ left: 0, top: 0, right: 0, bottom: 0 }); // undo can be done now
  }

  private key(event: KeyboardEvent) {
    const step = event.shiftKey ? 1 : Math.max(1, this.diameter / 2);
    const moves: Record<string, Point> = {
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, -step],
      ArrowDown: [0, step],
    };
    if (moves[event.key]) {
      const [x, y] = [this.cursor[0] + moves[event.key][0], this.cursor[1] + moves[event.key][1]];
      this.cursor = [clamp(x, this.map.width), clamp(y, this.map.height)];
      this.show(this.cursor);
    } else if (event.key === " " && this.pointer === null) {
      this.history.begin();
      const [x, y] = this.cursor;
      this.note(this.tool === "fill" ? this.map.fill(x, y, this.id) : this.map.stamp(x, y, this.diameter, this.id));
      this.history.end();
      this.changed({ left: 0, top: 0, right: 0, bottom: 0 });
    } else return;
    event.preventDefault();
  }

  private show([x, y]: Point) {
    const inside = x >= 0 && y >= 0 && x < this.map.width && y < this.map.height;
    this.overlay.cursor.hidden = !inside;
    if (!inside) return;
    const [width, height] = [this.map.width, this.map.height];
    const { style } = this.overlay.cursor;
    style.left = `${(100 * (x - this.diameter / 2)) / width}%`;
    style.top = `${(100 * (y - this.diameter / 2)) / height}%`;
    style.width = `${(100 * this.diameter) / width}%`;
    style.height = `${(100 * this.diameter) / height}%`;
    this.over(this.map.ids[Math.floor(y) * width + Math.floor(x)]);
  }

  /** Shows the line that letting go would draw. */
  private measure([x1, y1]: Point, [x2, y2]: Point) {
    const { ruler } = this.overlay;
    const set = (element: Element, values: object) =>
      Object.entries(values).forEach(([name, value]) => element.setAttribute(name, String(value)));
    const stroke = `rgb(${this.classes[this.id].color.join(",")})`;
    set(ruler, { viewBox: `0 0 ${this.map.width} ${this.map.height}`, preserveAspectRatio: "none" });
    set(ruler.firstElementChild!, { x1, y1, x2, y2, stroke, "stroke-width": this.diameter });
    ruler.removeAttribute("hidden");
  }

  private note(rect: Rect) {
    this.history.note(rect);
    this.apply(rect);
  }

  private apply(rect: Rect | null) {
    if (!rect || isEmpty(rect)) return;
    this.draw(rect);
    this.changed(rect);
  }

  private draw(rect: Rect) {
    const [width, height] = [rect.right - rect.left, rect.bottom - rect.top];
    const pixels = new ImageData(width, height);
    this.map.cut(rect).forEach((id, at) => {
      const [red, green, blue] = this.classes[id].color;
      pixels.data.set([red, green, blue, 255], 4 * at);
    });
    this.context.putImageData(pixels, rect.left, rect.top);
  }
}

const clamp = (value: number, length: number) => Math.min(Math.max(value, 0), length - 0.5);
