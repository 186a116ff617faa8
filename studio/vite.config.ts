import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

const OUTPUT = process.env.STUDIO_OUTPUT ?? "../ecgan_tf/studio_page";
const TILES = "../ecgan_tf/data/earth_tiles";
const REAL = 6; // layouts to start from
const RUNTIMES = "node_modules/@litertjs/core/wasm";

/** Puts LiteRT's wasm files, a few real layouts and the licences of all that is bundled beside the page. */
function withRuntime(): Plugin {
  return {
    name: "with-runtime",
    closeBundle() {
      mkdirSync(join(OUTPUT, "wasm"), { recursive: true });
      for (const file of readdirSync(RUNTIMES)) cpSync(join(RUNTIMES, file), join(OUTPUT, "wasm", file));
      const labels = readdirSync(join(TILES, "val", "labels")).sort();
      const files = labels.filter((_, index) => index % Math.floor(labels.length / REAL) === 0).slice(0, REAL);
      mkdirSync(join(OUTPUT, "layouts"), { recursive: true });
      for (const file of files) cpSync(join(TILES, "val", "labels", file), join(OUTPUT, "layouts", file));
      const { classes } = JSON.parse(readFileSync(join(TILES, "classes.json"), "utf8"));
      const names = classes.map((each: { name: string }) => each.name);
      writeFileSync(join(OUTPUT, "layouts", "layouts.json"), JSON.stringify({ classes: names, files }));
      const notices = ["@litertjs/core", "@litertjs/wasm-utils", "fast-png", "fflate", "iobuffer"].map((name) => {
        const folder = join("node_modules", name);
        const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
        const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
        return `${name} ${about.version}: ${about.license}\n${file ? "\n" + readFileSync(join(folder, file), "utf8") : ""}`;
      });
      writeFileSync(join(OUTPUT, "LICENSES.txt"), notices.join("\n" + "-".repeat(80) + "\n"));
    },
  };
}

export default defineConfig({
  base: "./", // from any folder of any static host
  build: { outDir: OUTPUT, emptyOutDir: true, target: "es2022", assetsInlineLimit: 0 },
  worker: { format: "iife" }, // LiteRT.js loads its wasm with importScripts, which modules do not have
  plugins: [withRuntime()],
});
