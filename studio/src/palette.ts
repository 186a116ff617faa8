/** The list of classes: by name, by search, by keyboard. */

import type { LabelClass } from "./description";

export class Palette {
  private buttons: HTMLButtonElement[] = [];

  constructor(
    private list: HTMLElement,
    private search: HTMLInputElement,
    private choose: (id: number) => void,
  ) {
    search.oninput = () => this.filter();
    search.onkeydown = (event) => {
      if (event.key === "Enter") this.shown()[0]?.click();
      if (event.key === "Escape") search.value = "";
      this.filter();
    };
    list.onkeydown = (event) => {
      const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      const shown = this.shown();
      const at = shown.indexOf(document.activeElement as HTMLButtonElement);
      if (!step || at < 0) return;
      event.preventDefault();
      const next = shown[(at + step + shown.length) % shown.length];
      next.focus();
      next.click();
    };
  }

  show(classes: LabelClass[]) {
    this.buttons = classes.map(({ name, color }, id) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("role", "radio");
      const swatch = document.createElement("canvas"); // no style attributes, which the page's policy forbids
      swatch.width = swatch.height = 1;
      const context = swatch.getContext("2d")!;
      context.fillStyle = `rgb(${color.join(",")})`;
      context.fillRect(0, 0, 1, 1);
      swatch.setAttribute("aria-hidden", "true");
      button.append(swatch, name);
      button.onclick = () => this.mark(id);
      return button;
    });
    this.list.replaceChildren(...this.buttons);
    this.search.value = "";
  }

  mark(id: number) {
    this.buttons.forEach((button, index) => {
      button.setAttribute("aria-checked", String(index === id));
      button.tabIndex = index === id ? 0 : -1;
    });
    this.choose(id);
  }

  private shown() {
    return this.buttons.filter((button) => !button.hidden);
  }

  private filter() {
    const wanted = this.search.value.trim().toLowerCase();
    for (const button of this.buttons) {
      button.hidden = !button.textContent!.toLowerCase().includes(wanted);
      button.tabIndex = button.getAttribute("aria-checked") === "true" ? 0 : -1;
    }
    const shown = this.shown();
    if (shown.length && !shown.some(({ tabIndex }) => tabIndex === 0)) shown[0].tabIndex = 0;
  }
}
