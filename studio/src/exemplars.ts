/** Scenes whose style a picture takes: photographs and their label maps at the model's size. */

import { type Description, FileError } from "./description";
import { readLabels } from "./label_files";
import { resized } from "./layouts";
import type { Input } from "./messages";
import type { Others } from "./painting";
import type { Synthesis } from "./synthesis";

export const takesExemplar = (inputs: Input[]) => inputs.some(({ name }) => name === "exemplar");

/** What a file holds at the model's size, and the size that it had. */
interface Brought<Values> {
  values: Values;
  size: string;
}

/** The photograph as the networks see it: float32 in [-1, 1]. */
async function readPhotograph(file: Blob, { width, height }: Description): Promise<Brought<Float32Array>> {
  const whole = await createImageBitmap(file, { colorSpaceConversion: "none" }).catch(() => {
    throw new FileError("this is no picture that the browser opens");
  });
  const size = `${whole.width}x${whole.height}`;
  const bitmap = await createImageBitmap(whole, { resizeQuality: "high", resizeWidth: width, resizeHeight: height });
  whole.close();
  const context = new OffscreenCanvas(width, height).getContext("2d")!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const pixel = (at: number) => data[4 * Math.floor(at / 3) + (at % 3)] / 127.5 - 1;
  return { values: Float32Array.from({ length: 3 * width * height }, (_, at) => pixel(at)), size };
}

async function readExemplarLabels(file: Blob, { classes, width, height }: Description): Promise<Brought<Int32Array>> {
  const { map } = await readLabels(new Uint8Array(await file.arrayBuffer()), classes);
  return { values: Int32Array.from(resized(map, width, height).ids), size: `${map.width}x${map.height}` };
}

/** Between two styles, tensor by tensor: 0 is the first one, 1 the other. */
export function mixed(one: Others, other: Others | null, share: number): Others {
  if (!other) return one;
  const names = Object.keys(one);
  return Object.fromEntries(
    names.map((name) => [name, Float32Array.from(one[name], (x, at) => (1 - share) * x + share * other[name][at])]),
  );
}

/** The exemplars of an open model, and what it takes of them. */
export class Exemplars {
  private readonly photographs: (Brought<Float32Array> | null)[] = [null, null];
  private readonly labels: (Brought<Int32Array> | null)[] = [null, null];
  private readonly styles: (Others | null)[] = [null, null];
  /** Of the second one's style. */
  share = 0;

  constructor(
    private description: Description,
    private synthesis: Synthesis,
  ) {}

  private get inputs() {
    return this.isSplit ? this.synthesis.ofExemplar : this.synthesis.inputs;
  }

  get areTaken() {
    return takesExemplar(this.inputs);
  }

  /** Styles are read apart, once each, and can be mixed. */
  get isSplit() {
    return this.synthesis.ofExemplar.length > 0;
  }

  async setPhotograph(index: number, file: Blob) {
    const photograph = await readPhotograph(file, this.description);
    // Labels that were opened first are this photograph's; those beside another one are not.
    if (this.photographs[index] || this.labels[index]?.size !== photograph.size) this.labels[index] = null;
    this.photographs[index] = photograph;
    await this.encode(index);
  }

  async setLabels(index: number, file: Blob) {
    const labels = await readExemplarLabels(file, this.description);
    const photograph = this.photographs[index];
    if (photograph && photograph.size !== labels.size) {
      throw new FileError(`the exemplar is ${photograph.size}, its label map ${labels.size}: open the one that lies on it`);
    }
    this.labels[index] = labels;
    await this.encode(index);
  }

  /** What is missing, in words, or "". */
  get missing() {
    if (!this.areTaken || this.isWhole(0)) return "";
    return this.photographs[0] ? "open the exemplar's label map" : "open an exemplar photograph";
  }

  /** What the model takes beside the layout, or null as long as something is missing. */
  get others(): Others | null {
    if (!this.areTaken) return {};
    if (!this.isWhole(0) || (this.isSplit && !this.styles[0])) return null;
    return this.isSplit ? mixed(this.styles[0]!, this.styles[1], this.share) : this.given(0);
  }

  private isWhole(index: number) {
    const needsLabels = this.inputs.some(({ name }) => name === "exemplar_labels");
    return this.photographs[index] !== null && (!needsLabels || this.labels[index] !== null);
  }

  private given(index: number): Others {
    const labels = this.labels[index];
    return { exemplar: this.photographs[index]!.values, ...(labels ? { exemplar_labels: labels.values } : {}) };
  }

  private async encode(index: number) {
    this.styles[index] = null;
    if (this.isSplit && this.isWhole(index)) this.styles[index] = await this.synthesis.encode(this.given(index));
  }
}
