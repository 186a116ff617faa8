/** Runs a .tflite in LiteRT.js, beside the page, so that a brush never waits for it. */

import { type CompiledModel, loadAndCompile, loadLiteRt, supportsFeature, Tensor } from "@litertjs/core";
import type { Answer, Encode, Input, Open, Synthesise } from "./messages";

let model: CompiledModel | null = null;
let encoder: CompiledModel | null = null;
let runtime: Promise<string> | null = null;

const say = (answer: Answer, transfer: Transferable[] = []) => self.postMessage(answer, { transfer });

self.onmessage = async ({ data }: MessageEvent<Open | Encode | Synthesise>) => {
  try {
    if (data.kind === "open") await open(data);
    else if (data.kind === "encode") await encode(data);
    else await synthesise(data);
  } catch (error) {
    say({ kind: "error", job: data.job, words: error instanceof Error ? error.message : String(error) });
  }
};

/** Threads where the page may share memory (COOP and COEP headers), else one. */
async function load(path: string): Promise<string> {
  const threads = self.crossOriginIsolated ? Math.max(1, navigator.hardwareConcurrency || 1) : 1;
  const jspi = await supportsFeature("jspi"); // so that a GPU may compute a part
  const isThreaded = threads > 1 && (await supportsFeature("threads")) && (await supportsFeature("relaxedSimd"));
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

async function open({ job, bytes, encoder: ofStyle, backend, runtime: path }: Open) {
  runtime ??= load(path);
  const threads = await runtime;
  model?.delete();
  model = null;
  const compile = (content: Uint8Array) =>
    loadAndCompile(content, { accelerator: backend, gpuOptions: { precision: "fp32" } });
  model = await compile(bytes);
  encoder = ofStyle && (await compile(ofStyle));
  const ofModel = (each: CompiledModel): Input[] =>
    each.getInputDetails().map(({ name, shape }) => ({ name, shape: [...shape] }));
  const given = encoder?.getOutputDetails().map(({ name }) => name) ?? [];
  const inputs = ofModel(model).filter(({ name }) => !given.includes(name));
  const where = backend === "wasm" ? `wasm, ${threads}` : model.isFullyAccelerated ? "webgpu" : "webgpu, not all of it";
  const outputs = model.getOutputDetails().map(({ name }) => name);
  say({ kind: "opened", job, inputs, ofExemplar: encoder ? ofModel(encoder) : [], outputs, where });
}

async function encode({ job, inputs }: Encode) {
  if (!encoder) throw new Error("no style encoder is open");
  const style = await run(encoder, inputs);
  say({ kind: "style", job, style });
}

async function synthesise({ job, inputs }: Synthesise) {
  if (!model) throw new Error("no model is open");
  const start = performance.now();
  const images = await run(model, inputs);
  const milliseconds = performance.now() - start;
  say({ kind: "image", job, images, milliseconds }, Object.values(images).map(({ buffer }) => buffer));
}

/** The outputs by name, float32; pixels as numbers in [-1, 1]. */
async function run(compiled: CompiledModel, inputs: Synthesise["inputs"]): Promise<Record<string, Float32Array>> {
  const given: Record<string, Tensor> = {};
  for (const { name, dtype, shape } of compiled.getInputDetails()) {
    const values = inputs[name];
    if (!values) throw new Error(`the model also takes ${name}`);
    given[name] = new Tensor(dtype === "uint8" ? Uint8Array.from(values) : values, [...shape]);
  }
  const outputs = await compiled.run(given);
  const found: Record<string, Float32Array> = {};
  for (const [name, tensor] of Object.entries(outputs)) {
    const values = await tensor.data();
    found[name] =
      tensor.type.dtype === "float32"
        ? Float32Array.from(values as Float32Array)
        : Float32Array.from(values as Uint8Array, (pixel) => pixel / 127.5 - 1);
  }
  for (const tensor of [...Object.values(outputs), ...Object.values(given)]) tensor.delete();
  return found;
}
