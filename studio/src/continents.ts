/** Layouts out of noise, by a seed: continents where there is water, else regions of a few classes. */

import type { LabelClass } from "./description";
import { LabelMap } from "./label_map";

/** mulberry32: numbers in [0, 1) of a 32-bit seed. */
export function randomOf(seed: number) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}

/** Smooth noise of several octaves over a map, in about [0, 1]. */
function noise(width: number, height: number, cells: number, random: () => number): Float32Array {
  const total = new Float32Array(width * height);
  let weight = 0.5;
  for (let octave = 0; octave < 5; octave++) {
    const side = cells * 2 ** octave;
    const columns = Math.ceil((side * width) / Math.max(width, height)) + 2;
    const values = Float32Array.from({ length: columns * (side + 2) * 2 }, random);
    for (let row = 0; row < height; row++) {
      const y = (row / Math.max(width, height)) * side;
      for (let column = 0; column < width; column++) {
        const x = (column / Math.max(width, height)) * side;
        const [i, j] = [Math.floor(y), Math.floor(x)];
        const [u, v] = [smooth(y - i), smooth(x - j)];
        const at = i * columns + j;
        const top = values[at] * (1 - v) + values[at + 1] * v;
        const bottom = values[at + columns] * (1 - v) + values[at + columns + 1] * v;
        total[row * width + column] += weight * (top * (1 - u) + bottom * u);
      }
    }
    weight /= 2;
  }
  return total;
}

const smooth = (x: number) => x * x * (3 - 2 * x);

/** Land cover by temperature (rows, outside in) and moisture (columns, dry to wet), by parts of the classes' names. */
const COVERS = [
  ["snow", "snow", "needleleaf"],
  ["barren", "open shrub", "mixed forest"],
  ["grass", "cropland", "deciduous broadleaf"],
  ["barren", "savanna", "evergreen broadleaf"],
];

export function continents(width: number, height: number, classes: LabelClass[], seed: number): LabelMap {
  const random = randomOf(seed);
  const map = new LabelMap(width, height);
  const find = (part: string) => classes.findIndex(({ name }) => name.toLowerCase().includes(part));
  const ground = noise(width, height, 2, random);
  const moisture = noise(width, height, 3, random);
  const warmth = noise(width, height, 2, random);
  const water = find("water");
  const covers = COVERS.map((row) => row.map(find)).filter((row) => row.every((id) => id >= 0));
  if (water < 0 || !covers.length) return regions(map, classes, ground, moisture);
  const sea = quantile(ground, 0.45);
  const [dry, wet] = [quantile(moisture, 0.4), quantile(moisture, 0.65)];
  const limits = covers.slice(1).map((_, index) => quantile(warmth, (index + 0.6) / covers.length));
  for (let at = 0; at < map.ids.length; at++) {
    const row = limits.filter((limit) => warmth[at] > limit).length;
    const column = moisture[at] < dry ? 0 : moisture[at] < wet ? 1 : 2;
    map.ids[at] = ground[at] < sea ? water : covers[row][column];
  }
  return map;
}

/** Up to six classes in smooth regions, the first ones of the list lowest. */
function regions(map: LabelMap, classes: LabelClass[], one: Float32Array, other: Float32Array): LabelMap {
  const count = Math.min(6, classes.length);
  const mixed = one.map((value, at) => value + 0.5 * other[at]);
  const limits = Array.from({ length: count - 1 }, (_, index) => quantile(mixed, (index + 1) / count));
  for (let at = 0; at < map.ids.length; at++) map.ids[at] = limits.filter((limit) => mixed[at] > limit).length;
  return map;
}

function quantile(values: Float32Array, share: number): number {
  const sorted = values.slice().sort();
  return sorted[Math.floor(share * (sorted.length - 1))];
}
