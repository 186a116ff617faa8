/** What keys do, wherever the focus is, but where one types. */

import type { Tool } from "./board";
import { find } from "./page";

const typesLetters = (target: EventTarget | null) =>
  target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && target.type !== "range");

/** Shortcuts of the page; `choose` takes a tool, `resize` a change of the brush. */
export function listen(choose: (tool: Tool) => void, resize: (change: number) => void) {
  document.onkeydown = (event) => {
    if (typesLetters(event.target) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key === "z" && !event.shiftKey) find("undo").click();
      else if (key === "y" || key === "z") find("redo").click();
      else return;
    } else if (key === "[" || key === "]") {
      resize(key === "[" ? -2 : 2);
    } else if (key === "/") find("search").focus();
    else {
      const tool = ({ b: "brush", l: "line", f: "fill", e: "eraser" } as Record<string, Tool>)[key];
      if (!tool) return;
      choose(tool);
    }
    event.preventDefault();
  };
}
