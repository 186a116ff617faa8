/** Label maps in files: PNG of class values or of colours in, the same out. */

import { type DecodedPng, decode, encode } from "fast-png";
import { FileError, type LabelClass } from "./description";
import { LabelMap } from "./label_map";
import { checkedPng } from "./png_check";

export interface Read {
  map: LabelMap;
  /** How many pixels had a colour that is no class's, and took the nearest one. */
  repaired: number;
}

export async function readLabels(bytes: Uint8Array, classes: LabelClass[]): Promise<Read> {
  const whole = await checkedPng(bytes);
  let png;
  try {
    png = decode(whole);
  } catch (error) {
    throw new FileError(`the PNG cannot be decoded (${(error as Error).message}); save it again`);
  }
  const values = unpacked(png);
  const { width, height, channels, palette } = png;
  if (channels >= 3) {
    return ofColors(width, height, (at) => values.subarray(channels * at, channels * at + 3), png.depth, classes);
  }
  const byIndex = ofValues(values, channels, classes);
  if (!palette) {
    if (typeof byIndex === "number") throw new FileError(`value ${byIndex} is no class of this model`);
    return { map: new LabelMap(width, height, byIndex), repaired: 0 };
  }
  if (typeof byIndex === "number") return ofColors(width, height, (at) => palette[values[at]] ?? [0, 0, 0], 8, classes);
  if (speaksAgainst(values, palette, classes)) {
    throw new FileError("a palette file whose indices and colours name different classes; save it as greyscale or RGB");
  }
  return { map: new LabelMap(width, height, byIndex), repaired: 0 };
}

/** Whether the colour of an index that is a class's value is that of another class, as `data/label_maps.py` asks. */
function speaksAgainst(values: Uint8Array | Uint16Array, palette: number[][], classes: LabelClass[]): boolean {
  const same = (a: number[], b: number[]) => [0, 1, 2].every((at) => a[at] === b[at]);
  const colorOf = new Map(classes.map(({ value, color }) => [value, color as number[]]));
  return [...new Set(values)].some((index) => {
    const color = palette[index];
    return color && classes.some((each) => same(each.color, color)) && !same(colorOf.get(index)!, color);
  });
}

/** One number a sample: files of 1, 2 or 4 bits keep several in a byte, each row from a byte of its own. */
function unpacked(png: DecodedPng): Uint8Array | Uint16Array {
  if (png.depth >= 8) return png.data as Uint8Array | Uint16Array;
  const values = new Uint8Array(png.width * png.height);
  const bytes = Math.ceil((png.width * png.depth) / 8);
  for (let at = 0; at < values.length; at++) {
    const [row, bit] = [Math.floor(at / png.width), (at % png.width) * png.depth];
    values[at] = (png.data[row * bytes + (bit >> 3)] >> (8 - png.depth - (bit & 7))) & (2 ** png.depth - 1);
  }
  return values;
}

/** The ids of values, or the first value that is no class. */
function ofValues(values: Uint8Array | Uint16Array, channels: number, classes: LabelClass[]): Uint16Array | number {
  const idOf = new Map(classes.map(({ value }, id) => [value, id]));
  const ids = new Uint16Array(values.length / channels);
  for (let at = 0; at < ids.length; at++) {
    const id = idOf.get(values[channels * at]);
    if (id === undefined) return values[channels * at];
    ids[at] = id;
  }
  return ids;
}

type ColorAt = (at: number) => ArrayLike<number>;

function ofColors(width: number, height: number, colorAt: ColorAt, depth: number, classes: LabelClass[]): Read {
  const idOf = nearestClass(classes);
  const map = new LabelMap(width, height);
  const shift = depth === 16 ? 8 : 0;
  let repaired = 0;
  for (let at = 0; at < map.ids.length; at++) {
    const color = colorAt(at);
    const [id, isExact] = idOf(color[0] >> shift, color[1] >> shift, color[2] >> shift);
    map.ids[at] = id;
    repaired += isExact ? 0 : 1;
  }
  return { map, repaired };
}

/** The class of a colour, or of the nearest one, and whether it is exact; of classes of one colour, the first. */
function nearestClass(classes: LabelClass[]) {
  const known = new Map<number, [number, boolean]>();
  return (red: number, green: number, blue: number): [number, boolean] => {
    const key = (red << 16) | (green << 8) | blue;
    let found = known.get(key);
    if (!found) {
      const distances = classes.map(({ color: [r, g, b] }) => (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2);
      const nearest = distances.indexOf(Math.min(...distances));
      known.set(key, (found = [nearest, distances[nearest] === 0]));
    }
    return found;
  };
}

/** A greyscale PNG of the classes' values, as data sets have them. */
export function writeIds(map: LabelMap, classes: LabelClass[]): Uint8Array {
  const depth = Math.max(...classes.map(({ value }) => value)) > 255 ? 16 : 8;
  const values = Array.from(map.ids, (id) => classes[id].value);
  const data = depth === 16 ? Uint16Array.from(values) : Uint8Array.from(values);
  return encode({ width: map.width, height: map.height, data, channels: 1, depth });
}

/** An RGB PNG of the classes' colours. */
export function writeColors(map: LabelMap, classes: LabelClass[]): Uint8Array {
  const data = new Uint8Array(3 * map.ids.length);
  map.ids.forEach((id, at) => data.set(classes[id].color, 3 * at));
  return encode({ width: map.width, height: map.height, data, channels: 3, depth: 8 });
}

/** Whether two classes have one colour, by which a file of colours cannot tell them apart. */
export function shareColors(classes: LabelClass[]): boolean {
  return new Set(classes.map(({ color }) => hex(color))).size < classes.length;
}

export function writePicture(image: ImageData): Uint8Array {
  return encode({ width: image.width, height: image.height, data: new Uint8Array(image.data), channels: 4, depth: 8 });
}

/** Names, colours and values of the classes, a line each, for whoever paints elsewhere. */
export function legend(classes: LabelClass[]): string {
  const lines = classes.map(({ name, color, value }) => `${value}\t#${hex(color)}\t${name}`);
  return ["value\tcolour\tclass", ...lines, ""].join("\n");
}

const hex = (color: number[]) => color.map((each) => each.toString(16).padStart(2, "0")).join("");
