// Does what a person would do on a page, step by step, and prints as JSON what was seen.
//
//     node steps.mjs '{"browser": "/usr/bin/chromium", "flags": [], "profile": "DIR", "url": "http://...",
//                      "viewport": {"width": 1400, "height": 900}, "steps": [["settle"], ["text", "#status"]]}'
//
// "random" in it is what Math.random() gives there each time. Prints {"seen": [what the steps give], "errors": [lines of the console], "elsewhere": [requests to other hosts]}.
import {readFileSync} from "node:fs";
import {chromium} from "playwright-core";

const {browser, flags, profile, url, viewport, touch, colorScheme, random, steps} = JSON.parse(process.argv[2]);
const context = await chromium.launchPersistentContext(profile, {
  executablePath: browser, args: flags, viewport, hasTouch: touch ?? false, colorScheme: colorScheme ?? "light",
  acceptDownloads: true,
});
const seen = [], errors = [], elsewhere = [];
const page = context.pages()[0] ?? await context.newPage();
page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
page.on("pageerror", (error) => errors.push(error.message));
page.on("request", (request) => {
  const {protocol, origin} = new URL(request.url());
  if (protocol.startsWith("http") && origin !== new URL(url).origin) elsewhere.push(request.url());
});

const place = async (selector, [x, y]) => {
  const box = await page.locator(selector).boundingBox();
  return [box.x + x * box.width, box.y + y * box.height];
};
const does = {
  // What the page's status line says, once it begins so.
  said: async (beginning) => {
    const is = (words) => new RegExp(`^(${words})`).test(document.querySelector("#status").textContent);
    await page.waitForFunction(is, beginning, {timeout: 90_000});
    return page.textContent("#status");
  },
  // Until something was said and no picture has come for a while.
  settle: async (beginning = "ready|error|Open") => {
    await does.said(beginning);
    for (let before = -1, now = 0; before !== now;) {
      before = now;
      await page.waitForTimeout(700);
      now = await page.evaluate(() => document.body.dataset.pictures ?? "");
      if ((await page.textContent("#pace")).includes("to go")) now = NaN;
    }
  },
  pause: (milliseconds) => page.waitForTimeout(milliseconds),
  touches: async (selector, first, second) => {  // two fingers at once
    const client = await context.newCDPSession(page);
    const [one, two] = await Promise.all([first, second].map(async (point) => {
      const [x, y] = await place(selector, point);
      return {x, y};
    }));
    const send = (type, touchPoints) => client.send("Input.dispatchTouchEvent", {type, touchPoints});
    await send("touchStart", [{...one, id: 1}]);
    await send("touchStart", [{...one, id: 1}, {...two, id: 2}]);
    await send("touchMove", [{...one, x: one.x + 8, id: 1}, {...two, y: two.y + 8, id: 2}]);
    await send("touchEnd", []);
  },
  hold: async (selector, points) => {  // a stroke that does not end yet
    await page.locator(selector).scrollIntoViewIfNeeded();
    await page.mouse.move(...await place(selector, points[0]));
    await page.mouse.down();
    for (const point of points) await page.mouse.move(...await place(selector, point), {steps: 4});
  },
  release: () => page.mouse.up(),
  stroke: async (selector, points) => {
    await does.hold(selector, points);
    await does.release();
  },
  tap: async (selector, point) => { await page.touchscreen.tap(...await place(selector, point)); },
  click: (selector) => page.click(selector),
  press: (selector, keys) => page.press(selector, keys),
  select: (selector, value) => page.selectOption(selector, value),
  fill: async (selector, value) => { await page.fill(selector, value); await page.dispatchEvent(selector, "change"); },
  range: (selector, value) => page.locator(selector).evaluate((input, x) => {
    input.value = x;
    input.dispatchEvent(new Event("input"));
  }, value),
  file: (selector, path) => page.setInputFiles(selector, path),
  text: (selector) => page.textContent(selector),
  evaluate: (code) => page.evaluate(code),
  pixels: (selector) => page.locator(selector).evaluate((canvas) => {
    const {width, height} = canvas, {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
    let text = "";
    for (let at = 0; at < data.length; at += 8192) text += String.fromCharCode(...data.subarray(at, at + 8192));
    return {width, height, rgba: btoa(text)};
  }),
  download: async (selector, value) => {
    await page.selectOption(selector, value);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save-it")]);
    return {name: download.suggestedFilename(), content: readFileSync(await download.path()).toString("base64")};
  },
  screenshot: async (path) => { await page.screenshot({path, fullPage: true}); },
  offline: () => context.setOffline(true),
  reload: async () => { await page.reload(); },
};
try {
  if (random !== undefined) await page.addInitScript((number) => { Math.random = () => number; }, random);
  await page.goto(url);
  for (const [name, ...words] of steps) seen.push(await does[name](...words) ?? null);
  console.log(JSON.stringify({seen, errors, elsewhere}));
} finally {
  await context.close();
}
