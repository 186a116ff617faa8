/** What the page and its worker say to each other. */

export type Backend = "wasm" | "webgpu";

export interface Open {
  kind: "open";
  job: number;
  bytes: Uint8Array;
  backend: Backend;
  runtime: string;
}

export interface Synthesise {
  kind: "synthesise";
  job: number;
  /** By the names of the model's inputs; ids as they are. */
  inputs: Record<string, Int32Array | Float32Array>;
}

export interface Input {
  name: string;
  shape: number[];
}

export type Answer =
  | { kind: "opened"; job: number; inputs: Input[]; outputs: string[]; where: string }
  | { kind: "image"; job: number; images: Record<string, Float32Array>; milliseconds: number }
  | { kind: "error"; job: number; words: string };
