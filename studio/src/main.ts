/** The page: what is opened, painted, synthesised and saved. */

import { Board, type Tool } from "./board";
import { type Description, FileError, readDescription } from "./description";
import { Exemplars } from "./exemplars";
import { readLabels } from "./label_files";
import { isEmpty, type LabelMap, type Rect } from "./label_map";
import { listen } from "./keyboard";
import { othersOf } from "./latents";
import { layoutOf, realLayouts, resized, sizesOf } from "./layouts";
import type { Backend } from "./messages";
import { attempt, fail, find, onFiles, say, select } from "./page";
import { Painting } from "./painting";
import { Palette } from "./palette";
import { canvasesOf, pacer } from "./progress";
import { type Kind, save } from "./saving";
import { Synthesis } from "./synthesis";
import { openPhotograph, showOpacity } from "./tracing";

const MAX_MODEL = 1_000_000_000; // bytes
const tools = [...document.querySelectorAll<HTMLButtonElement>("[data-tool]")];

/** An open model: all of it is there, or none. */
interface Session {
  name: string;
  /** The model, and the style encoder of a split one. */
  files: [Uint8Array, Uint8Array | null];
  description: Description;
  synthesis: Synthesis;
  exemplars: Exemplars;
}

let session: Session | null = null;
let openings = 0; // so that the newest request wins
let board: Board | null = null;
let painting: Painting | null = null;
let fileName = "layout";
let isFile = false; // whether the layout was opened
let isPainted = false; // or changed by hand

// ---- the model

/** Opens a model beside the one that is open, and only then takes its place. */
async function openModel(files: Session["files"], name: string) {
  const opening = ++openings;
  const description = readDescription(files[0]);
  say(`opening ${name} ...`);
  const synthesis = await Synthesis.open(...files, select("backend").value as Backend);
  const isOther = JSON.stringify(description.classes) !== JSON.stringify(session?.description.classes);
  let real: string[] = [];
  let fresh: LabelMap | null = null;
  try {
    checkInputs(synthesis, description, name);
    if (isOther) real = await realLayouts(description);
    if (isOther || !board) {
      fresh = await layoutOf(real[0] ?? "noise", description, description.width, description.height, seed());
    }
  } catch (error) {
    synthesis.close();
    throw error;
  }
  if (opening !== openings) return synthesis.close(); // another one was asked for meanwhile
  painting?.close();
  session?.synthesis.close();
  const exemplars = new Exemplars(description, synthesis);
  session = { name, files, description, synthesis, exemplars };
  showModel(session);
  if (fresh) {
    fillStarts(real);
    palette.show(description.classes);
    [isFile, isPainted] = [false, false];
  }
  showMap(fresh ?? resized(board!.map, ...chosenSize()));
  palette.mark(fresh ? Math.min(1, description.classes.length - 1) : board!.chosen);
}

function checkInputs({ inputs }: Synthesis, { height, width }: Description, name: string) {
  othersOf(inputs, 0);
  const shape = inputs.find((each) => each.name === "labels")?.shape ?? [];
  if (shape[1] !== height || shape[2] !== width) throw new FileError(`${name} tells of another size than it has`);
}

function showModel({ name, description, exemplars }: Session) {
  const { classes, height, width, licence } = description;
  find("about").textContent =
    `${name}: ${description.name}, ${height}x${width}, ${classes.length} classes. ` +
    `Trained on: ${licence}. Nothing that you draw leaves this page.`;
  find("exemplars").hidden = !exemplars.areTaken;
  find("exemplars").querySelector<HTMLElement>(".second")!.hidden = !exemplars.isSplit;
  find("exemplar-state").textContent = exemplars.missing;
  exemplars.share = Number(find<HTMLInputElement>("mix").value) / 100;
  const before = select("size").value;
  const sizes = sizesOf(description).map((size) => size.join("x"));
  select("size").replaceChildren(...sizes.map((size) => new Option(size)));
  if (sizes.includes(before)) select("size").value = before;
}

function fillStarts(real: string[]) {
  const words = real.map((file) => new Option(file.replace(/\.png$/, ""), file));
  select("start").replaceChildren(...words, new Option("noise", "noise"), new Option("nothing", "empty"));
}

/** A .tflite, or the two of a split model. */
async function openFiles(chosen: File[]) {
  const large = chosen.find(({ size }) => size > MAX_MODEL);
  if (large) throw new FileError(`${large.name} is too large for a page`);
  const encoder = chosen.find(({ name }) => name.includes("style_encoder"));
  const [painter, ...more] = chosen.filter((file) => file !== encoder);
  if (!painter || more.length) {
    throw new FileError("open one .tflite, or painter.tflite and style_encoder.tflite together");
  }
  const [content, style] = await Promise.all([painter.arrayBuffer(), encoder?.arrayBuffer()]);
  await openModel([new Uint8Array(content), style ? new Uint8Array(style) : null], painter.name);
}

const chosenSize = () => select("size").value.split("x").map(Number) as [number, number];
const seed = () => Math.max(0, Number(find<HTMLInputElement>("seed").value) || 0) >>> 0;

// ---- the layout and its picture

/** Shows a layout and begins its picture; `note` is what there is to say of it. */
function showMap(map: LabelMap, note = "") {
  if (!session) return;
  const { description, synthesis, exemplars } = session;
  painting?.close();
  const { others, said } = othersOf(synthesis.inputs, seed());
  painting = new Painting(map, description, synthesis, canvasesOf(synthesis.outputs), pacer(synthesis.where, said + note), fail);
  const ofExemplar = exemplars.others;
  painting.others = ofExemplar && { ...others, ...ofExemplar };
  if (exemplars.missing) say(`ready: ${exemplars.missing}${note}`);
  const { chosen, diameter, tool } = board ?? { chosen: 0, diameter: 12, tool: "brush" as Tool };
  const over = (id: number) => (find("under").textContent = description.classes[id].name);
  const overlay = { cursor: find("cursor"), ruler: document.querySelector<SVGSVGElement>("#ruler")! };
  board = new Board(find("labels"), map, description.classes, overlay, changed, over, board);
  Object.assign(board, { chosen: Math.min(chosen, description.classes.length - 1), diameter, tool });
  showButtons();
  painting.invalidate(map.all);
}

function changed(rect: Rect) {
  if (!isEmpty(rect)) {
    isPainted = true;
    painting?.invalidate(rect);
  }
  showButtons();
}

function showButtons() {
  find<HTMLButtonElement>("undo").disabled = !board?.canUndo;
  find<HTMLButtonElement>("redo").disabled = !board?.canRedo;
  for (const button of tools) button.setAttribute("aria-pressed", String(button.dataset.tool === board?.tool));
}

async function startAnew() {
  if (!session) return;
  const start = select("start").value;
  const map = await layoutOf(start, session.description, ...chosenSize(), seed());
  [fileName, isFile, isPainted] = [start.replace(/\.png$/, ""), false, false];
  showMap(map);
}

/** Another seed is another noise layout, or another picture of a layout that was opened or painted. */
async function changeSeed() {
  if (select("start").value === "noise" && !isFile && !isPainted) await startAnew();
  else if (board) showMap(board.map);
}

/** What was opened or painted on is enlarged; a layout as it began is made at the new size. */
async function changeSize() {
  if (!board) return;
  if (isFile || isPainted) showMap(resized(board.map, ...chosenSize()));
  else await startAnew();
}

async function openLabels(file: File) {
  if (!session) throw new FileError("open a model first");
  const { map, repaired } = await readLabels(new Uint8Array(await file.arrayBuffer()), session.description.classes);
  [fileName, isFile, isPainted] = [file.name.replace(/\.png$/i, ""), true, false];
  const own = `${map.width}x${map.height}`;
  if ([...select("size").options].some(({ value }) => value === own)) select("size").value = own;
  const brought = select("size").value === own ? "" : `, brought to ${select("size").value}`;
  const mended = repaired ? `; ${repaired} pixels of other colours took the nearest class` : "";
  showMap(resized(map, ...chosenSize()), `; ${file.name}, ${own}${brought}${mended}`);
}

// ---- exemplars

function useExemplars() {
  if (!session || !board || !painting) return;
  const { exemplars } = session;
  find("exemplar-state").textContent = exemplars.missing;
  const { others } = exemplars;
  if (!others) return;
  if (!painting.others) return showMap(board.map);
  Object.assign(painting.others, others);
  painting.invalidate(board.map.all);
}

for (const input of document.querySelectorAll<HTMLInputElement>("[data-exemplar], [data-exemplar-labels]")) {
  const { exemplar, exemplarLabels } = input.dataset;
  input.onchange = () => {
    const file = input.files?.[0];
    if (!file || !session) return;
    const { exemplars } = session;
    const take = () =>
      exemplar ? exemplars.setPhotograph(Number(exemplar), file) : exemplars.setLabels(Number(exemplarLabels), file);
    void attempt(() => take().then(useExemplars)).then(() => (input.value = ""));
  };
}
find("mix").oninput = ({ target }) => {
  if (session) session.exemplars.share = Number((target as HTMLInputElement).value) / 100;
  useExemplars();
};

// ---- what a person does

const palette = new Palette(find("palette"), find("search"), (id) => {
  if (board) board.chosen = id;
  if (board?.tool === "eraser") choose("brush");
});

function choose(tool: Tool) {
  if (board) board.tool = tool;
  showButtons();
}

onFiles("open-model", openFiles);
onFiles("open-labels", ([file]) => openLabels(file));
onFiles("open-photograph", async ([file]) => {
  if (!board) throw new FileError("open a model first");
  await openPhotograph(file);
});
find("begin").onclick = () => void attempt(startAnew);
find("seed").onchange = () => void attempt(changeSeed);
find("size").onchange = () => void attempt(changeSize);
find("backend").onchange = () => void attempt(() => (session ? openModel(session.files, session.name) : undefined));
find("undo").onclick = () => (board?.undo(), showButtons());
find("redo").onclick = () => (board?.redo(), showButtons());
find("opacity").oninput = showOpacity;
find("brush").oninput = ({ target }) => board && (board.diameter = Number((target as HTMLInputElement).value));
find("save-it").onclick = () =>
  void attempt(() => {
    if (!board || !session || !painting) return;
    const canvases = { labels: find<HTMLCanvasElement>("labels"), picture: find<HTMLCanvasElement>("picture") };
    const kind = select("save").value as Kind;
    if (["picture", "both"].includes(kind) && !painting.isWhole) throw new FileError("the picture is not done yet");
    say(save(kind, fileName, board.map, session.description.classes, canvases));
  });
find("zoom").onchange = () => {
  document.body.className = `zoom-${select("zoom").value}`;
};
const frames = [...document.querySelectorAll<HTMLElement>(".frame")];
for (const frame of frames) {
  frame.onscroll = () => {
    for (const other of frames) other.scrollTo(frame.scrollLeft, frame.scrollTop); // both show the same place
  };
}
for (const button of tools) button.onclick = () => choose(button.dataset.tool as Tool);

listen(choose, (change) => {
  const range = find<HTMLInputElement>("brush");
  range.value = String(Number(range.value) + change);
  if (board) board.diameter = Number(range.value);
});

// ---- the beginning

async function begin() {
  if (!("gpu" in navigator)) select("backend").querySelector<HTMLOptionElement>("[value=webgpu]")!.disabled = true;
  const answer = await fetch("./model.tflite").catch(() => null);
  if (answer?.headers.get("x-ecgan-studio") === null) await keepForLater();
  const isModel = answer?.ok && !(answer.headers.get("content-type") ?? "").includes("html");
  if (!isModel) return say("Open a .tflite that `ecgan export` wrote.");
  const encoder = answer.headers.get("x-style-encoder");
  const style = encoder ? await fetch(encoder) : null;
  if (style && !style.ok) throw new FileError(`${encoder}: ${style.status}`);
  const files: Session["files"] = [
    new Uint8Array(await answer.arrayBuffer()),
    style && new Uint8Array(await style.arrayBuffer()),
  ];
  await openModel(files, "model.tflite");
}

/** A static host's page stays for when there is no network; `ecgan studio` is gone with its server. */
async function keepForLater() {
  if ("serviceWorker" in navigator && window.isSecureContext) {
    await navigator.serviceWorker.register("./sw.js").catch(() => undefined); // the page works without it
  }
}

void attempt(begin);
