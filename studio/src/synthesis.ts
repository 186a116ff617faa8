/** A model in its worker: opened once, asked for one tile at a time, always for the newest layout. */

import type { Answer, Backend, Encode, Input, Open, Synthesise } from "./messages";

export class Synthesis {
  inputs: Input[] = [];
  outputs: string[] = [];
  /** Inputs of the style encoder, of a model that was split. */
  ofExemplar: Input[] = [];
  where = "";
  private readonly waiting = new Map<number, { resolve: (answer: any) => void; reject: (error: Error) => void }>();
  private jobs = 0;
  private isClosed = false;

  private constructor(private worker: Worker) {
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const waiting = this.waiting.get(data.job);
      this.waiting.delete(data.job);
      if (data.kind === "error") waiting?.reject(new Error(data.words));
      else waiting?.resolve(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.giveUp(event.message || "the worker could not be loaded");
    };
  }

  /** Opens a model; by WebGPU where that is asked for and works, else by wasm, as `where` says. */
  static async open(bytes: Uint8Array, encoder: Uint8Array | null, wanted: Backend): Promise<Synthesis> {
    if (wanted === "webgpu") {
      try {
        return await Synthesis.openOn(bytes, encoder, "webgpu");
      } catch (error) {
        const opened = await Synthesis.openOn(bytes, encoder, "wasm");
        opened.where += ` (webgpu: ${(error as Error).message.split("\n")[0]})`;
        return opened;
      }
    }
    return Synthesis.openOn(bytes, encoder, "wasm");
  }

  private static async openOn(bytes: Uint8Array, encoder: Uint8Array | null, backend: Backend): Promise<Synthesis> {
    const worker = new Worker(new URL("./synthesis.worker.ts", import.meta.url));
    const synthesis = new Synthesis(worker);
    try {
      const runtime = new URL("./wasm/", document.baseURI).href;
      const opened = await synthesis.ask({ kind: "open", job: 0, bytes, encoder, backend, runtime });
      synthesis.inputs = opened.inputs;
      synthesis.outputs = opened.outputs;
      synthesis.ofExemplar = opened.ofExemplar;
      synthesis.where = opened.where;
      return synthesis;
    } catch (error) {
      worker.terminate();
      throw error;
    }
  }

  synthesise(inputs: Synthesise["inputs"]): Promise<Extract<Answer, { kind: "image" }>> {
    return this.ask({ kind: "synthesise", job: ++this.jobs, inputs });
  }

  /** The style of an exemplar, by the encoder of a split model. */
  async encode(inputs: Encode["inputs"]): Promise<Record<string, Float32Array>> {
    return (await this.ask({ kind: "encode", job: ++this.jobs, inputs })).style;
  }

  close() {
    this.isClosed = true;
    this.worker.terminate();
    this.giveUp("the model was closed");
  }

  private giveUp(words: string) {
    for (const { reject } of this.waiting.values()) reject(new Error(words));
    this.waiting.clear();
  }

  private ask(message: Open | Encode | Synthesise): Promise<any> {
    if (this.isClosed) return Promise.reject(new Error("the model was closed"));
    return new Promise((resolve, reject) => {
      this.waiting.set(message.job, { resolve, reject });
      this.worker.postMessage(message);
    });
  }
}
