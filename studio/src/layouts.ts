/** Where a layout comes from: a file, noise, a real one of the box, or an empty map; and at which size. */

import { continents } from "./continents";
import { type Description, FileError } from "./description";
import { readLabels } from "./label_files";
import { LabelMap } from "./label_map";

/** By the cell at the centre of each pixel, as every part of ecgan_tf resizes label maps. */
export function resized(map: LabelMap, width: number, height: number): LabelMap {
  if (map.width === width && map.height === height) return map;
  const result = new LabelMap(width, height);
  for (let row = 0; row < height; row++) {
    const from = Math.floor(((2 * row + 1) * map.height) / (2 * height)) * map.width;
    for (let column = 0; column < width; column++) {
      result.ids[row * width + column] = map.ids[from + Math.floor(((2 * column + 1) * map.width) / (2 * width))];
    }
  }
  return result;
}

/** Sizes that one can paint at: the model's, and multiples of it up to about a thousand pixels. */
export function sizesOf({ width, height }: Description): [number, number][] {
  const factors = [1, 2, 4, 8].filter((factor) => factor === 1 || factor * Math.max(width, height) <= 1024);
  return factors.map((factor) => [factor * width, factor * height]);
}

/** Names of the real layouts beside the page, where they are of the model's classes. */
export async function realLayouts({ classes }: Description): Promise<string[]> {
  try {
    const answer = await fetch("./layouts/layouts.json");
    const known = (await answer.json()) as { classes: string[]; files: string[] };
    const names = classes.map(({ name }) => name).filter((name) => name !== "unknown");
    return known.classes.join() === names.join() ? known.files : [];
  } catch {
    return []; // there are none
  }
}

export async function layoutOf(start: string, description: Description, width: number, height: number, seed: number) {
  if (start === "noise") return continents(width, height, description.classes, seed);
  if (start === "empty") return new LabelMap(width, height);
  const answer = await fetch(`./layouts/${start}`);
  if (!answer.ok) throw new FileError(`${start}: ${answer.status}`);
  const { map } = await readLabels(new Uint8Array(await answer.arrayBuffer()), description.classes);
  return resized(map, width, height);
}
