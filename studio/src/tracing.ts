/** A photograph beneath the layout, to trace. */

import { FileError } from "./description";
import { find } from "./page";

const MAX_TRACED = 2048; // pixels a side of a photograph to trace

export async function openPhotograph(file: File) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new FileError(`${file.name} is no picture that this browser opens`);
  });
  const canvas = find<HTMLCanvasElement>("photograph");
  const scale = Math.min(1, MAX_TRACED / Math.max(bitmap.width, bitmap.height));
  canvas.width = Math.max(1, Math.round(scale * bitmap.width));
  canvas.height = Math.max(1, Math.round(scale * bitmap.height));
  canvas.getContext("2d")!.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  canvas.hidden = false;
  find("opacity-label").hidden = false;
  showOpacity();
}

export function showOpacity() {
  const isTracing = !find<HTMLCanvasElement>("photograph").hidden;
  const opacity = Number(find<HTMLInputElement>("opacity").value) / 100;
  find("labels").style.opacity = isTracing ? String(opacity) : "1";
}
