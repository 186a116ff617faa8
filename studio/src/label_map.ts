/** A label map that one draws on: ids alone, never a blended colour. */

export interface Rect {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const NOWHERE: Rect = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
const STEPS = 100;

export function union(a: Rect, b: Rect): Rect {
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

export const isEmpty = (rect: Rect) => rect.right <= rect.left || rect.bottom <= rect.top;

export class LabelMap {
  readonly ids: Uint16Array;

  constructor(
    readonly width: number,
    readonly height: number,
    ids?: Uint16Array,
  ) {
    this.ids = ids ?? new Uint16Array(width * height);
  }

  get all(): Rect {
    return { left: 0, top: 0, right: this.width, bottom: this.height };
  }

  /** Sets the pixels of a disc; gives what changed. */
  stamp(x: number, y: number, diameter: number, id: number): Rect {
    const radius = diameter / 2;
    const [left, right] = within(x - radius, x + radius, this.width);
    const [top, bottom] = within(y - radius, y + radius, this.height);
    let changed = NOWHERE;
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const inside = (column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2 <= radius ** 2;
        const isCentre = column === Math.floor(x) && row === Math.floor(y);
        if (!(inside || isCentre) || this.ids[row * this.width + column] === id) continue;
        this.ids[row * this.width + column] = id;
        changed = union(changed, { left: column, top: row, right: column + 1, bottom: row + 1 });
      }
    }
    return changed;
  }

  /** A stroke from one point to another, without gaps. */
  line(x0: number, y0: number, x1: number, y1: number, diameter: number, id: number): Rect {
    const steps = Math.max(1, Math.ceil(Math.hypot(x1 - x0, y1 - y0) / Math.max(0.5, diameter / 4)));
    let changed = NOWHERE;
    for (let step = 0; step <= steps; step++) {
      const share = step / steps;
      changed = union(changed, this.stamp(x0 + share * (x1 - x0), y0 + share * (y1 - y0), diameter, id));
    }
    return changed;
  }

  /** The region of one class around a point becomes another class. */
  fill(x: number, y: number, id: number): Rect {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return NOWHERE;
    const start = Math.floor(y) * this.width + Math.floor(x);
    const from = this.ids[start];
    if (from === undefined || from === id) return NOWHERE;
    const waiting = [start];
    let changed = NOWHERE;
    this.ids[start] = id;
    while (waiting.length) {
      const place = waiting.pop()!;
      const column = place % this.width;
      const row = (place - column) / this.width;
      changed = union(changed, { left: column, top: row, right: column + 1, bottom: row + 1 });
      const next = [
        column > 0 ? place - 1 : -1,
        column + 1 < this.width ? place + 1 : -1,
        place - this.width,
        place + this.width,
      ];
      for (const each of next) {
        if (each < 0 || this.ids[each] !== from) continue;
        this.ids[each] = id;
        waiting.push(each);
      }
    }
    return changed;
  }

  cut(rect: Rect): Uint16Array {
    const width = rect.right - rect.left;
    const piece = new Uint16Array(width * (rect.bottom - rect.top));
    for (let row = rect.top; row < rect.bottom; row++) {
      const at = row * this.width + rect.left;
      piece.set(this.ids.subarray(at, at + width), (row - rect.top) * width);
    }
    return piece;
  }

  paste(rect: Rect, piece: Uint16Array) {
    const width = rect.right - rect.left;
    for (let row = rect.top; row < rect.bottom; row++) {
      const at = (row - rect.top) * width;
      this.ids.set(piece.subarray(at, at + width), row * this.width + rect.left);
    }
  }
}

function within(low: number, high: number, length: number): [number, number] {
  return [Math.max(0, Math.floor(low)), Math.min(length, Math.ceil(high))];
}

interface Step {
  rect: Rect;
  before: Uint16Array;
  after: Uint16Array;
}

/** Undo and redo of strokes, each kept as the rectangle that it changed. */
export class History {
  private done: Step[] = [];
  private undone: Step[] = [];
  private before: Uint16Array | null = null;
  private changed = NOWHERE;

  constructor(private map: LabelMap) {}

  get canUndo() {
    return this.done.length > 0;
  }

  get canRedo() {
    return this.undone.length > 0;
  }

  begin() {
    this.before = this.map.ids.slice();
    this.changed = NOWHERE;
  }

  note(rect: Rect) {
    this.changed = union(this.changed, rect);
  }

  end() {
    if (this.before && !isEmpty(this.changed)) {
      const before = new LabelMap(this.map.width, this.map.height, this.before).cut(this.changed);
      this.done.push({ rect: this.changed, before, after: this.map.cut(this.changed) });
      if (this.done.length > STEPS) this.done.shift();
      this.undone = [];
    }
    this.before = null;
  }

  undo(): Rect | null {
    return this.move(this.done, this.undone, "before");
  }

  redo(): Rect | null {
    return this.move(this.undone, this.done, "after");
  }

  private move(from: Step[], to: Step[], piece: "before" | "after"): Rect | null {
    const step = from.pop();
    if (!step) return null;
    this.map.paste(step.rect, step[piece]);
    to.push(step);
    return step.rect;
  }
}
