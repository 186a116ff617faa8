/** The picture of a label map, kept up to date at the device's pace: tiles that saw a change, the latest layout each. */

import type { Description } from "./description";
import type { LabelMap, Rect } from "./label_map";
import type { Synthesis } from "./synthesis";
import { Mosaic } from "./tiles";

/** What a model takes beside the layout, by name, in the order of its values. */
export type Others = Record<string, Float32Array | Int32Array>;

export class Painting {
  private readonly mosaics = new Map<string, Mosaic>();
  private readonly dirty = new Set<number>();
  private isBusy = false;
  private isClosed = false;
  /** null: something is missing yet, and nothing is synthesised. */
  others: Others | null = null;

  constructor(
    private map: LabelMap,
    description: Description,
    private synthesis: Synthesis,
    private canvases: Map<string, HTMLCanvasElement>,
    private tell: (milliseconds: number, waiting: number) => void,
    private fail: (error: Error) => void,
  ) {
    for (const [name, canvas] of canvases) {
      this.mosaics.set(name, new Mosaic(map.width, map.height, description.width, description.height));
      canvas.width = map.width;
      canvas.height = map.height;
    }
  }

  /** Synthesises anew what sees a rectangle; it never blocks, and what changes meanwhile is done after it. */
  invalidate(rect: Rect) {
    for (const tile of this.mosaic.touching(rect)) this.dirty.add(tile);
    void this.run();
  }

  /** The tiles are the same for all pictures. */
  private get mosaic() {
    return this.mosaics.get("image")!;
  }

  /** Whether the picture is that of the layout. */
  get isWhole() {
    return this.others !== null && !this.isBusy && !this.dirty.size;
  }

  close() {
    this.isClosed = true;
    this.dirty.clear();
  }

  private async run() {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      while (this.others && this.dirty.size && !this.isClosed) {
        const [tile] = this.dirty;
        this.dirty.delete(tile);
        const rect = this.mosaic.tiles[tile];
        const labels = Int32Array.from(this.map.cut(rect));
        const answer = await this.synthesis.synthesise({ ...this.others, labels });
        if (this.isClosed) return;
        for (const [name, mosaic] of this.mosaics) {
          mosaic.put(tile, answer.images[name]);
          this.canvases.get(name)!.getContext("2d")!.putImageData(mosaic.blended(rect), rect.left, rect.top);
        }
        this.tell(answer.milliseconds, this.dirty.size);
      }
    } catch (error) {
      if (!this.isClosed) this.fail(error as Error);
    } finally {
      this.isBusy = false;
    }
  }
}
