/** What the page and its worker say to each other. */

export type Backend = "wasm" | "webgpu";

export interface Open {
  kind: "open";
  job: number;
  /** What paints: a model, or the painter of a split one. */
  bytes: Uint8Array;
  /** The style encoder of a split model. */
  encoder: Uint8Array | null;
  backend: Backend;
  runtime: string;
}

export interface Synthesise {
  kind: "synthesise";
  job: number;
  /** By the names of the model's inputs; ids as they are. */
  inputs: Record<string, Int32Array | Float32Array>;
}

/** Asks for an exemplar's style. */
export interface Encode {
  kind: "encode";
  job: number;
  inputs: Synthesise["inputs"];
}

export interface Input {
  name: string;
  shape: number[];
}

export type Answer =
  | { kind: "opened"; job: number; inputs: Input[]; ofExemplar: Input[]; outputs: string[]; where: string }
  | { kind: "style"; job: number; style: Record<string, Float32Array> }
  | { kind: "image"; job: number; images: Record<string, Float32Array>; milliseconds: number }
  | { kind: "error"; job: number; words: string };
