/**
 * Pictures that are larger than the model: tiles of its size that overlap, blended by weights that rise from each
 * tile's rim. The rule of `ecgan synthesize --tile` (ecgan_tf/inference/tiles.py); a test holds the pixels equal.
 */

import type { Rect } from "./label_map";

/** Where tiles begin along an axis: as few as overlap by at least so much, evenly spread. */
export function startsOf(length: number, tile: number, overlap: number): number[] {
  if (length <= tile) return [0];
  const count = Math.ceil((length - overlap) / (tile - overlap));
  return Array.from({ length: count }, (_, index) => Math.floor((index * (length - tile)) / (count - 1) + 0.5));
}

/** By how much each pixel along a tile's side counts. */
export function rampOf(tile: number, overlap: number): Float64Array {
  return Float64Array.from({ length: tile }, (_, at) => Math.min(at + 1, tile - at, Math.max(overlap, 1)));
}

export const overlapOf = (tile: number) => Math.floor(tile / 4);

/** The tiles of a picture, and what of it they make together. */
export class Mosaic {
  readonly tiles: Rect[] = [];
  private readonly images: (Float32Array | null)[];
  private readonly ramps: [Float64Array, Float64Array];

  constructor(
    readonly width: number,
    readonly height: number,
    readonly tileWidth: number,
    readonly tileHeight: number,
  ) {
    for (const top of startsOf(height, tileHeight, overlapOf(tileHeight))) {
      for (const left of startsOf(width, tileWidth, overlapOf(tileWidth))) {
        this.tiles.push({ left, top, right: left + tileWidth, bottom: top + tileHeight });
      }
    }
    this.images = this.tiles.map(() => null);
    this.ramps = [rampOf(tileHeight, overlapOf(tileHeight)), rampOf(tileWidth, overlapOf(tileWidth))];
  }

  /** The tiles that see anything of a rectangle. */
  touching(rect: Rect): number[] {
    return [...this.tiles.keys()].filter((index) => {
      const tile = this.tiles[index];
      return tile.left < rect.right && rect.left < tile.right && tile.top < rect.bottom && rect.top < tile.bottom;
    });
  }

  /** Takes a tile's picture, float32 in [-1, 1]. */
  put(index: number, image: Float32Array) {
    this.images[index] = image;
  }

  /** The pixels of a tile's rectangle, of all tiles that have a picture there. */
  blended(rect: Rect): ImageData {
    const [width, height] = [rect.right - rect.left, rect.bottom - rect.top];
    const sums = new Float64Array(3 * width * height);
    const weights = new Float64Array(width * height);
    for (const index of this.touching(rect)) {
      const image = this.images[index];
      if (image) this.add(sums, weights, rect, this.tiles[index], image);
    }
    const pixels = new ImageData(width, height);
    for (let at = 0; at < weights.length; at++) {
      if (!weights[at]) continue;
      for (let channel = 0; channel < 3; channel++) {
        const x = Math.min(Math.max(sums[3 * at + channel] / weights[at], -1), 1);
        pixels.data[4 * at + channel] = Math.floor((x + 1) * 127.5 + 0.5);
      }
      pixels.data[4 * at + 3] = 255;
    }
    return pixels;
  }

  private add(sums: Float64Array, weights: Float64Array, rect: Rect, tile: Rect, image: Float32Array) {
    const width = rect.right - rect.left;
    for (let row = Math.max(rect.top, tile.top); row < Math.min(rect.bottom, tile.bottom); row++) {
      for (let column = Math.max(rect.left, tile.left); column < Math.min(rect.right, tile.right); column++) {
        const weight = this.ramps[0][row - tile.top] * this.ramps[1][column - tile.left];
        const to = (row - rect.top) * width + column - rect.left;
        const from = 3 * ((row - tile.top) * this.tileWidth + column - tile.left);
        weights[to] += weight;
        for (let channel = 0; channel < 3; channel++) sums[3 * to + channel] += weight * image[from + channel];
      }
    }
  }
}
