/** The random inputs of a model that has many pictures of a layout, from N(0, 1), by a seed. */

import { randomOf } from "./continents";
import { FileError } from "./description";
import type { Input } from "./messages";
import type { Others } from "./painting";

/** Values of every input but the layout; `said` is what a person should know of them. */
export function othersOf(inputs: Input[], seed: number): { others: Others; said: string } {
  const others: Others = {};
  let said = "";
  for (const { name, shape } of inputs) {
    const rows = shape.slice(1, -1).reduce((all, length) => all * length, 1);
    const length = shape[shape.length - 1];
    if (name === "labels" || name.startsWith("exemplar")) continue;
    if (name === "z" || name === "noise") {
      const code = normals(length, seed);
      others[name] = Float32Array.from({ length: rows * length }, (_, at) => code[at % length]);
    } else if (name === "boundaries") {
      others[name] = new Float32Array(rows * length);
      said = "; it knows instances, of which a painted layout has none";
    } else {
      throw new FileError(`this model also takes ${name}, which the studio cannot give; use ecgan synthesize`);
    }
  }
  return { others, said };
}

/** By Box and Muller. */
function normals(count: number, seed: number): Float32Array {
  const random = randomOf(seed);
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}
