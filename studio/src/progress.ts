/** What is seen of a picture that is made: its canvases, and how long it took. */

import { find, say } from "./page";

const KEPT = 21; // pictures whose median pace is shown

/** Tells how long each picture took, and once what there is to say when all of them are there. */
export function pacer(where: string, note: string) {
  const began = performance.now();
  const paces: number[] = [];
  let isFirst = true;
  return (milliseconds: number, waiting: number) => {
    paces.push(milliseconds);
    const median = paces.slice(-KEPT).sort((a, b) => a - b)[Math.min(paces.length, KEPT) >> 1];
    const rest = waiting ? `, ${waiting} tiles to go` : "";
    find("pace").textContent = `${milliseconds.toFixed(0)} ms (median ${median.toFixed(0)}) a tile, ${where}${rest}`;
    if (isFirst && !waiting) say(`ready: ${(performance.now() - began).toFixed(0)} ms to the first picture${note}`);
    isFirst &&= waiting > 0;
    document.body.dataset.pictures = String(Number(document.body.dataset.pictures ?? 0) + 1);
  };
}

const CAPTIONS: Record<string, string> = {
  edge: "Edge",
  initial_image: "First image",
  global_image: "Global image",
  local_image: "Local image",
};

/** A canvas for each picture that the model gives: the final one, and those on the way to it. */
export function canvasesOf(outputs: string[]): Map<string, HTMLCanvasElement> {
  const canvases = new Map([["image", find<HTMLCanvasElement>("picture")]]);
  const given = Object.keys(CAPTIONS).filter((name) => outputs.includes(name));
  const figures = given.map((name) => {
    const [figure, canvas, caption] = ["figure", "canvas", "figcaption"].map((tag) => document.createElement(tag));
    canvas.id = `picture-${name}`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", CAPTIONS[name]);
    caption.textContent = CAPTIONS[name];
    figure.append(canvas, caption);
    canvases.set(name, canvas as HTMLCanvasElement);
    return figure;
  });
  find("steps").replaceChildren(...figures);
  return canvases;
}
