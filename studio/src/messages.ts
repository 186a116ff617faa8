/** What the page and its worker say to each other. */

export type Backend = "wasm" | "webgpu";

export interface Open {
  kind: "open";
  bytes: Uint8Array;
  backend: Backend;
  runtime: string;
}

export interface Synthesise {
  kind: "synthesise";
  tile: number;
  /** By the names of the model's inputs; ids as they are. */
  inputs: Record<string, Int32Array | Float32Array>;
}

export interface Input {
  name: string;
  shape: number[];
}

export type Answer =
  | { kind: "opened"; inputs: Input[]; where: string }
  | { kind: "image"; tile: number; image: Float32Array; milliseconds: number }
  | { kind: "error"; words: string };
