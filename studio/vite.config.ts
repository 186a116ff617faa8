import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

const OUTPUT = process.env.STUDIO_OUTPUT ?? "../ecgan_tf/studio_page";
const TILES = "../ecgan_tf/data/earth_tiles";
const REAL = 6; // layouts to start from
const RUNTIMES = "node_modules/@litertjs/core/wasm";
const BUNDLED = ["@litertjs/core", "@litertjs/wasm-utils", "fast-png", "fflate", "iobuffer"];
const NEEDED = /^(index\.html|icon\.svg|assets\/.*|layouts\/.*|wasm\/litert_wasm_(threaded_)?internal\..*)$/; // offline
// The page's own policy: no request leaves it, and wasm may be compiled.
const POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' blob:; worker-src 'self' blob:; " +
  "img-src 'self' blob: data:; connect-src 'self' blob: data:; style-src 'self'";

/** Puts LiteRT's wasm files, a few real layouts and the licences of all that is bundled beside the page. */
function withOthers(): Plugin {
  return {
    name: "with-others",
    transformIndexHtml: (html) => html.replace("__POLICY__", POLICY),
    closeBundle() {
      mkdirSync(join(OUTPUT, "wasm"), { recursive: true });
      for (const file of readdirSync(RUNTIMES)) cpSync(join(RUNTIMES, file), join(OUTPUT, "wasm", file));
      putLayouts();
      writeFileSync(join(OUTPUT, "LICENSES.txt"), BUNDLED.map(licenceOf).join("\n" + "-".repeat(80) + "\n"));
      fillServiceWorker();
    },
  };
}

function putLayouts() {
  const labels = readdirSync(join(TILES, "val", "labels")).sort();
  const files = labels.filter((_, index) => index % Math.floor(labels.length / REAL) === 0).slice(0, REAL);
  mkdirSync(join(OUTPUT, "layouts"), { recursive: true });
  for (const file of files) cpSync(join(TILES, "val", "labels", file), join(OUTPUT, "layouts", file));
  const { classes } = JSON.parse(readFileSync(join(TILES, "classes.json"), "utf8"));
  const names = classes.map((each: { name: string }) => each.name);
  writeFileSync(join(OUTPUT, "layouts", "layouts.json"), JSON.stringify({ classes: names, files }));
}

function licenceOf(name: string): string {
  const folder = join("node_modules", name);
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  return `${name} ${about.version}: ${about.license}\n${file ? "\n" + readFileSync(join(folder, file), "utf8") : ""}`;
}

function fillServiceWorker() {
  const all = readdirSync(OUTPUT, { recursive: true, withFileTypes: true });
  const names = all.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  const files = names.map((name) => name.slice(OUTPUT.length + 1)).filter((name) => NEEDED.test(name)).sort();
  const version = createHash("sha256");
  for (const name of files) version.update(name).update(readFileSync(join(OUTPUT, name)));
  const path = join(OUTPUT, "sw.js");
  const filled = readFileSync(path, "utf8")
    .replace('["__FILES__"]', JSON.stringify(["./", ...files.map((name) => `./${name}`)]))
    .replace("__VERSION__", version.digest("hex").slice(0, 12))
    .replace("__POLICY__", POLICY);
  writeFileSync(path, filled);
}

export default defineConfig({
  base: "./", // from any folder of any static host
  build: { outDir: OUTPUT, emptyOutDir: true, target: "es2022", assetsInlineLimit: 0 },
  worker: { format: "iife" }, // LiteRT.js loads its wasm with importScripts, which modules do not have
  plugins: [withOthers()],
});
