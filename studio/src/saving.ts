/** What a person takes home. */

import type { LabelClass } from "./description";
import { legend, shareColors, writeColors, writeIds, writePicture } from "./label_files";
import type { LabelMap } from "./label_map";

export type Kind = "picture" | "both" | "ids" | "colors" | "legend";
type Canvases = Record<"labels" | "picture", HTMLCanvasElement>;

/** Downloads a file; gives what there is to say of it. */
export function save(kind: Kind, stem: string, map: LabelMap, classes: LabelClass[], canvases: Canvases): string {
  const files: Record<Kind, () => [string, BlobPart]> = {
    picture: () => [`${stem}_picture.png`, png(writePicture(pixelsOf(canvases.picture)))],
    both: () => [`${stem}_both.png`, png(writePicture(sideBySide(canvases)))],
    ids: () => [`${stem}.png`, png(writeIds(map, classes))],
    colors: () => [`${stem}_colours.png`, png(writeColors(map, classes))],
    legend: () => [`${stem}_legend.txt`, legend(classes)],
  };
  const [name, content] = files[kind]();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: name.endsWith("png") ? "image/png" : "text/plain" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  const warning = "; classes that share a colour cannot be told apart in it: save the values, too";
  return `saved ${name}${kind === "colors" && shareColors(classes) ? warning : ""}`;
}

const png = (content: Uint8Array) => content as Uint8Array<ArrayBuffer>;

const pixelsOf = (canvas: HTMLCanvasElement) =>
  canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);

function sideBySide({ labels, picture }: Canvases): ImageData {
  const canvas = new OffscreenCanvas(2 * picture.width, picture.height);
  const context = canvas.getContext("2d")!;
  context.drawImage(labels, 0, 0);
  context.drawImage(picture, picture.width, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
