/** The page's elements, what it says, and how it takes what a person asks for. */

import { FileError } from "./description";

export const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
export const select = (id: string) => find<HTMLSelectElement>(id);

export function say(words: string, isWrong = false) {
  const status = find("status");
  status.textContent = words;
  status.classList.toggle("wrong", isWrong);
}

export const fail = (error: Error) => say(`error: ${error.message}`, true);

/** Runs what a person asked for; whatever is wrong with it is said, and what was there stays. */
export function attempt(action: () => Promise<void> | void) {
  return Promise.resolve()
    .then(action)
    .catch((error: Error) => {
      if (!(error instanceof FileError)) console.warn(error);
      fail(error);
    });
}

/** What was chosen is acted on, and the same file may be chosen again. */
export function onFiles(id: string, action: (files: File[]) => Promise<void>) {
  const input = find<HTMLInputElement>(id);
  input.onchange = () => {
    const files = [...(input.files ?? [])];
    if (files.length) void attempt(() => action(files)).then(() => (input.value = ""));
  };
}
