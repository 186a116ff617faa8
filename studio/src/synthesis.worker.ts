/** Runs a .tflite in LiteRT.js, beside the page, so that a brush never waits for it. */

import { type CompiledModel, loadAndCompile, loadLiteRt, supportsFeature, Tensor } from "@litertjs/core";
import type { Answer, Input, Open, Synthesise } from "./messages";

let model: CompiledModel | null = null;
let runtime: Promise<string> | null = null;

const say = (answer: Answer, transfer: Transferable[] = []) => self.postMessage(answer, { transfer });

self.onmessage = async ({ data }: MessageEvent<Open | Synthesise>) => {
  try {
    if (data.kind === "open") await open(data);
    else await synthesise(data);
  } catch (error) {
    say({ kind: "error", job: data.job, words: error instanceof Error ? error.message : String(error) });
  }
};

/** Threads where the page may share memory (COOP and COEP headers), else one. */
async function load(path: string): Promise<string> {
  const threads = self.crossOriginIsolated ? Math.max(1, navigator.hardwareConcurrency || 1) : 1;
  const jspi = await supportsFeature("jspi"); // so that a GPU may compute a part
  const isThreaded = threads > 1 && (await supportsFeature("threads"));
  // Emscripten would look for these beside this script, not beside its own.
  Object.assign(self, {
    Module: {
      locateFile: (file: string) => path + file,
      mainScriptUrlOrBlob: `${path}litert_wasm_threaded_internal.js`,
      printErr: (words: string) => console.debug(words), // the runtime tells all that it does as an error
    },
  });
  await loadLiteRt(path, isThreaded ? { threads: true } : { jspi });
  return isThreaded ? `${threads} threads` : "1 thread";
}

async function open({ job, bytes, backend, runtime: path }: Open) {
  runtime ??= load(path);
  const threads = await runtime;
  model?.delete();
  model = null;
  model = await loadAndCompile(bytes, { accelerator: backend, gpuOptions: { precision: "fp32" } });
  const inputs: Input[] = model.getInputDetails().map(({ name, shape }) => ({ name, shape: [...shape] }));
  const where = backend === "wasm" ? `wasm, ${threads}` : model.isFullyAccelerated ? "webgpu" : "webgpu, not all of it";
  const outputs = model.getOutputDetails().map(({ name }) => name);
  say({ kind: "opened", job, inputs, outputs, where });
}

async function synthesise({ job, inputs }: Synthesise) {
  if (!model) throw new Error("no model is open");
  const start = performance.now();
  const given: Record<string, Tensor> = {};
  for (const { name, dtype, shape } of model.getInputDetails()) {
    const values = inputs[name];
    if (!values) throw new Error(`the model also takes ${name}`);
    given[name] = new Tensor(dtype === "uint8" ? Uint8Array.from(values) : values, [...shape]);
  }
  const outputs = await model.run(given);
  const images: Record<string, Float32Array> = {};
  for (const [name, tensor] of Object.entries(outputs)) {
    const values = await tensor.data();
    images[name] =
      tensor.type.dtype === "float32"
        ? Float32Array.from(values as Float32Array)
        : Float32Array.from(values as Uint8Array, (pixel) => pixel / 127.5 - 1);
  }
  for (const tensor of [...Object.values(outputs), ...Object.values(given)]) tensor.delete();
  const milliseconds = performance.now() - start;
  say({ kind: "image", job, images, milliseconds }, Object.values(images).map(({ buffer }) => buffer));
}
