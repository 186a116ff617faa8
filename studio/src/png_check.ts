/** What a PNG unpacks to, looked at before it is decoded: a small file may hold gigabytes. */

import { FileError } from "./description";

const MAX_SIDE = 4096;
const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const KEPT = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]; // what label ids depend on; a colour profile is packed, too
const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** The same PNG with what it needs alone, once its data were seen to be no more than its header says. */
export async function checkedPng(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.length < 33 || SIGNATURE.some((each, index) => bytes[index] !== each)) {
    throw new FileError("this is no PNG; save the label map as a PNG of class values or of the classes' colours");
  }
  const chunks = chunksOf(bytes);
  const headers = chunks.filter(({ name }) => name === "IHDR");
  if (headers.length !== 1 || chunks[0].name !== "IHDR" || headers[0].data.length !== 13) throw broken();
  const view = new DataView(headers[0].data.buffer, headers[0].data.byteOffset, 13);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, kind, interlace] = [8, 9, 12].map((at) => view.getUint8(at));
  if (!width || !height || width > MAX_SIDE || height > MAX_SIDE) {
    throw new FileError(`${width}x${height} pixels are too many; at most ${MAX_SIDE} a side`);
  }
  if (!CHANNELS[kind]) throw broken();
  if (interlace && depth < 8) throw new FileError("an interlaced PNG of less than 8 bits; save it without interlacing");
  const row = 1 + Math.ceil((width * depth * CHANNELS[kind]) / 8);
  const packed = chunks.filter(({ name }) => name === "IDAT").map(({ data }) => data);
  await checkInflated(packed, row * (height + 16)); // interlaced ones have some rows more
  const parts = [bytes.subarray(0, 8), ...chunks.filter(({ name }) => KEPT.includes(name)).map(({ whole }) => whole)];
  return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

const broken = () => new FileError("the PNG cannot be decoded: its header is broken; save it again");

interface Chunk {
  name: string;
  data: Uint8Array;
  whole: Uint8Array;
}

function chunksOf(bytes: Uint8Array): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunk[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 12 + view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (end > bytes.length) break;
    chunks.push({ name, data: bytes.subarray(at + 8, end - 4), whole: bytes.subarray(at, end) });
    at = end;
  }
  if (chunks.at(-1)?.name !== "IEND") throw new FileError("the PNG cannot be decoded: its end is missing; save it again");
  return chunks;
}

/** Refuses packed data of more than so many bytes, or broken ones, without ever holding all of them. */
async function checkInflated(parts: Uint8Array[], most: number) {
  const packed = new Blob(parts as Uint8Array<ArrayBuffer>[]).stream();
  const reader = packed.pipeThrough(new DecompressionStream("deflate")).getReader();
  let total = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      total += value.length;
      if (total > most) break;
    }
  } catch {
    throw new FileError("the PNG cannot be decoded: its data are broken; save it again");
  }
  await reader.cancel();
  throw new FileError("the PNG holds more data than its size says; save it again");
}
