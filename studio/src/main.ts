/** The page: what is opened, painted, synthesised and saved. */

import { Board, type Tool } from "./board";
import { type Description, FileError, readDescription } from "./description";
import { legend, readLabels, writeColors, writeIds, writePicture } from "./label_files";
import { Exemplars } from "./exemplars";
import { isEmpty, type LabelMap, type Rect } from "./label_map";
import { othersOf } from "./latents";
import { layoutOf, realLayouts, resized, sizesOf } from "./layouts";
import type { Backend } from "./messages";
import { Painting } from "./painting";
import { Palette } from "./palette";
import { Synthesis } from "./synthesis";

const MAX_MODEL = 1_000_000_000; // bytes
const KEPT = 21; // pictures whose median pace is shown
const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const tools = [...document.querySelectorAll<HTMLButtonElement>("[data-tool]")];
const search = find<HTMLInputElement>("search");
const picture = find<HTMLCanvasElement>("picture");

let files: [Uint8Array, Uint8Array | null] | null = null; // the model, and the style encoder of a split one
let exemplars: Exemplars | null = null;
let description: Description | null = null;
let synthesis: Synthesis | null = null;
let board: Board | null = null;
let painting: Painting | null = null;
let fileName = "layout";
let isFile = false; // whether the layout was opened

function say(words: string, isWrong = false) {
  const status = find("status");
  status.textContent = words;
  status.classList.toggle("wrong", isWrong);
}

/** Runs what a person asked for; whatever is wrong with it is said, and what was there stays. */
function attempt(action: () => Promise<void> | void) {
  return Promise.resolve()
    .then(action)
    .catch((error: Error) => {
      if (!(error instanceof FileError)) console.warn(error);
      say(`error: ${error.message}`, true);
    });
}

// ---- the model

async function openModel(content: Uint8Array, encoder: Uint8Array | null, name: string) {
  const next = readDescription(content);
  say(`opening ${name} ...`);
  const opened = await Synthesis.open(content, encoder, find<HTMLSelectElement>("backend").value as Backend);
  try {
    othersOf(opened.inputs, 0);
  } catch (error) {
    opened.close();
    throw error;
  }
  const isOther = JSON.stringify(next.classes) !== JSON.stringify(description?.classes);
  const before = board?.map;
  synthesis?.close();
  [files, description, synthesis] = [[content, encoder], next, opened];
  exemplars = new Exemplars(next, opened);
  find("exemplars").hidden = !exemplars.areTaken;
  find("exemplars").querySelector<HTMLElement>(".second")!.hidden = !exemplars.isSplit;
  find("exemplar-state").textContent = exemplars.missing;
  find("about").textContent =
    `${name}: ${next.name}, ${next.height}x${next.width}, ${next.classes.length} classes. ` +
    `Trained on: ${next.licence}. Nothing that you draw leaves this page.`;
  fillSizes(next);
  if (isOther) {
    palette.show(next.classes);
    await fillStarts(next);
  }
  const [width, height] = chosenSize();
  const start = find<HTMLSelectElement>("start").value;
  const map = before && !isOther ? resized(before, width, height) : await layoutOf(start, next, width, height, seed());
  showMap(map);
  palette.mark(isOther ? Math.min(1, next.classes.length - 1) : (board?.chosen ?? 0));
}

/** A .tflite, or the two of a split model. */
async function openFiles(chosen: File[]) {
  const large = chosen.find(({ size }) => size > MAX_MODEL);
  if (large) throw new FileError(`${large.name} is too large for a page`);
  const encoder = chosen.find(({ name }) => name.includes("style_encoder"));
  const [painter, ...more] = chosen.filter((file) => file !== encoder);
  if (!painter || more.length) throw new FileError("open one .tflite, or painter.tflite and style_encoder.tflite together");
  const contents = await Promise.all([painter, encoder].map((file) => file?.arrayBuffer()));
  await openModel(new Uint8Array(contents[0]!), contents[1] ? new Uint8Array(contents[1]) : null, painter.name);
}

function fillSizes(next: Description) {
  const select = find<HTMLSelectElement>("size");
  const before = select.value;
  select.replaceChildren(...sizesOf(next).map(([width, height]) => new Option(`${width}x${height}`)));
  if ([...select.options].some(({ value }) => value === before)) select.value = before;
}

async function fillStarts(next: Description) {
  const real = await realLayouts(next);
  find("start").replaceChildren(
    ...real.map((file) => new Option(file.replace(/\.png$/, ""), file)),
    new Option("noise", "noise"),
    new Option("nothing", "empty"),
  );
}

const chosenSize = () => find<HTMLSelectElement>("size").value.split("x").map(Number) as [number, number];
const seed = () => Math.max(0, Number(find<HTMLInputElement>("seed").value) || 0) >>> 0;

// ---- the layout and its picture

function showMap(map: LabelMap) {
  if (!description || !synthesis) return;
  painting?.close();
  const waits = performance.now();
  let isFirst = true;
  const paces: number[] = [];
  const tell = (milliseconds: number, waiting: number) => {
    const rest = waiting ? `, ${waiting} tiles to go` : "";
    paces.push(milliseconds);
    const median = paces.slice(-KEPT).sort((a, b) => a - b)[Math.min(paces.length, KEPT) >> 1];
    find("pace").textContent =
      `${milliseconds.toFixed(0)} ms (median ${median.toFixed(0)}) a tile, ${synthesis!.where}${rest}`;
    if (isFirst && !waiting) say(`ready: ${(performance.now() - waits).toFixed(0)} ms to the first picture${said}`);
    isFirst &&= waiting > 0;
    document.body.dataset.pictures = String(Number(document.body.dataset.pictures ?? 0) + 1);
  };
  const { others, said } = othersOf(synthesis.inputs, seed());
  const fail = (error: Error) => say(`error: ${error.message}`, true);
  painting = new Painting(map, description, synthesis, canvasesOf(synthesis.outputs), tell, fail);
  const ofExemplar = exemplars?.others ?? null;
  painting.others = ofExemplar && { ...others, ...ofExemplar };
  if (exemplars?.missing) say(`ready: ${exemplars.missing}`);
  const { chosen, diameter, tool } = board ?? { chosen: 0, diameter: 12, tool: "brush" as Tool };
  board = new Board(find("labels"), map, description.classes, find("cursor"), changed, (id) => {
    find("under").textContent = description!.classes[id].name;
  });
  Object.assign(board, { chosen: Math.min(chosen, description.classes.length - 1), diameter, tool });
  showButtons();
  painting.invalidate(map.all);
}

const CAPTIONS: Record<string, string> = {
  edge: "Edge",
  initial_image: "First image",
  global_image: "Global image",
  local_image: "Local image",
};

/** A canvas for each picture that the model gives: the final one, and those on the way to it. */
function canvasesOf(outputs: string[]): Map<string, HTMLCanvasElement> {
  const canvases = new Map([["image", picture]]);
  const figures = Object.keys(CAPTIONS).filter((name) => outputs.includes(name)).map((name) => {
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

function changed(rect: Rect) {
  if (!isEmpty(rect)) painting?.invalidate(rect);
  showButtons();
}

function showButtons() {
  find<HTMLButtonElement>("undo").disabled = !board?.canUndo;
  find<HTMLButtonElement>("redo").disabled = !board?.canRedo;
  for (const button of tools) button.setAttribute("aria-pressed", String(button.dataset.tool === board?.tool));
}

async function startAnew() {
  if (!description) return;
  isFile = false;
  const [width, height] = chosenSize();
  fileName = find<HTMLSelectElement>("start").value.replace(/\.png$/, "");
  showMap(await layoutOf(find<HTMLSelectElement>("start").value, description, width, height, seed()));
}

/** What was opened or painted on is enlarged; a layout as it began is made at the new size. */
async function changeSize() {
  if (!board) return;
  if (isFile || board.canUndo) showMap(resized(board.map, ...chosenSize()));
  else await startAnew();
}

async function openLabels(file: File) {
  if (!description) throw new FileError("open a model first");
  const { map, repaired } = readLabels(new Uint8Array(await file.arrayBuffer()), description.classes);
  fileName = file.name.replace(/\.png$/i, "");
  isFile = true;
  showMap(resized(map, ...chosenSize()));
  const note = repaired ? `; ${repaired} pixels of other colours took the nearest class` : "";
  say(`opened ${file.name}, ${map.width}x${map.height}${note}`);
}

// ---- exemplars

function useExemplars() {
  if (!exemplars || !board || !painting) return;
  find("exemplar-state").textContent = exemplars.missing;
  if (exemplars.missing) return;
  if (!painting.others) return showMap(board.map);
  Object.assign(painting.others, exemplars.others);
  painting.invalidate(board.map.all);
}

for (const input of document.querySelectorAll<HTMLInputElement>("[data-exemplar], [data-exemplar-labels]")) {
  const { exemplar, exemplarLabels } = input.dataset;
  input.onchange = () => {
    const file = input.files?.[0];
    if (!file || !exemplars) return;
    const taken = exemplar
      ? exemplars.setPhotograph(Number(exemplar), file)
      : exemplars.setLabels(Number(exemplarLabels), file);
    void attempt(() => taken.then(useExemplars)).then(() => (input.value = ""));
  };
}
find("mix").oninput = ({ target }) => {
  if (exemplars) exemplars.share = Number((target as HTMLInputElement).value) / 100;
  useExemplars();
};

// ---- a photograph to trace

async function openPhotograph(file: File) {
  if (!board) throw new FileError("open a model first");
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new FileError(`${file.name} is no picture that this browser opens`);
  });
  const canvas = find<HTMLCanvasElement>("photograph");
  canvas.width = board.map.width;
  canvas.height = board.map.height;
  canvas.getContext("2d")!.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  canvas.hidden = false;
  find("opacity-label").hidden = false;
  showOpacity();
}

function showOpacity() {
  const isTracing = !find<HTMLCanvasElement>("photograph").hidden;
  const opacity = Number(find<HTMLInputElement>("opacity").value) / 100;
  find("labels").style.opacity = isTracing ? String(opacity) : "1";
}

// ---- saving

function save(kind: string) {
  if (!board || !description) return;
  const { map } = board;
  const { classes } = description;
  const image = () => picture.getContext("2d")!.getImageData(0, 0, map.width, map.height);
  const files: Record<string, () => [string, BlobPart, string]> = {
    picture: () => [`${fileName}_picture.png`, blob(writePicture(image())), "image/png"],
    both: () => [`${fileName}_both.png`, blob(writePicture(sideBySide())), "image/png"],
    ids: () => [`${fileName}.png`, blob(writeIds(map, classes)), "image/png"],
    colors: () => [`${fileName}_colours.png`, blob(writeColors(map, classes)), "image/png"],
    legend: () => [`${fileName}_legend.txt`, legend(classes), "text/plain"],
  };
  const [name, content, type] = files[kind]();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  say(`saved ${name}`);
}

const blob = (content: Uint8Array) => content as Uint8Array<ArrayBuffer>;

function sideBySide(): ImageData {
  const canvas = new OffscreenCanvas(2 * picture.width, picture.height);
  const context = canvas.getContext("2d")!;
  context.drawImage(find<HTMLCanvasElement>("labels"), 0, 0);
  context.drawImage(picture, picture.width, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

// ---- what a person does

const palette = new Palette(find("palette"), search, (id) => {
  if (board) board.chosen = id;
  if (board?.tool === "eraser") choose("brush");
});

function choose(tool: Tool) {
  if (board) board.tool = tool;
  showButtons();
}

function onFile(id: string, action: (file: File) => Promise<void>) {
  find<HTMLInputElement>(id).onchange = ({ target }) => {
    const input = target as HTMLInputElement;
    const file = input.files?.[0];
    if (file) void attempt(() => action(file)).then(() => (input.value = "")); // the same file may be chosen again
  };
}

find<HTMLInputElement>("open-model").onchange = ({ target }) => {
  const input = target as HTMLInputElement;
  const chosen = [...(input.files ?? [])];
  void attempt(() => openFiles(chosen)).then(() => (input.value = ""));
};

onFile("open-labels", openLabels);
onFile("open-photograph", openPhotograph);
find("start").onchange = find("seed").onchange = () => void attempt(startAnew);
find("size").onchange = () => void attempt(changeSize);
find("backend").onchange = () => void attempt(() => (files ? openModel(...files, "the model") : undefined));
find("undo").onclick = () => (board?.undo(), showButtons());
find("redo").onclick = () => (board?.redo(), showButtons());
find("opacity").oninput = showOpacity;
find("brush").oninput = ({ target }) => board && (board.diameter = Number((target as HTMLInputElement).value));
find("save").onchange = ({ target }) => {
  const select = target as HTMLSelectElement;
  if (select.value) void attempt(() => save(select.value)).then(() => (select.value = ""));
};
find("zoom").onchange = ({ target }) => {
  document.body.className = `zoom-${(target as HTMLSelectElement).value}`;
};
const frames = [...document.querySelectorAll<HTMLElement>(".frame")];
for (const frame of frames) {
  frame.onscroll = () => {
    for (const other of frames) other.scrollTo(frame.scrollLeft, frame.scrollTop); // both show the same place
  };
}
for (const button of tools) button.onclick = () => choose(button.dataset.tool as Tool);

document.onkeydown = (event) => {
  if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement || event.altKey) return;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key === "z" && !event.shiftKey) find("undo").click();
    else if (key === "y" || key === "z") find("redo").click();
    else return;
  } else if (key === "[" || key === "]") {
    const range = find<HTMLInputElement>("brush");
    range.value = String(Number(range.value) + (key === "[" ? -2 : 2));
    if (board) board.diameter = Number(range.value);
  } else if (key === "/") search.focus();
  else {
    const tool = ({ b: "brush", l: "line", f: "fill", e: "eraser" } as Record<string, Tool>)[key];
    if (!tool) return;
    choose(tool);
  }
  event.preventDefault();
};

// ---- the beginning

async function begin() {
  if ("serviceWorker" in navigator && window.isSecureContext) {
    await navigator.serviceWorker.register("./sw.js").catch(() => undefined); // the page works without it
  }
  if (!("gpu" in navigator)) find("backend").querySelector<HTMLOptionElement>("[value=webgpu]")!.disabled = true;
  const answer = await fetch("./model.tflite");
  const isModel = answer.ok && !(answer.headers.get("content-type") ?? "").includes("html");
  if (!isModel) return say("Open a .tflite that `ecgan export` wrote.");
  const encoder = answer.headers.get("x-style-encoder");
  const ofEncoder = encoder ? new Uint8Array(await (await fetch(encoder)).arrayBuffer()) : null;
  await openModel(new Uint8Array(await answer.arrayBuffer()), ofEncoder, "model.tflite");
}

void attempt(begin);
