// Opens a page in a browser, gives it files one after the other, and prints as JSON what it showed.
//
//     node drive.mjs '{"browser": "/usr/bin/chromium", "flags": [], "profile": "DIR", "url": "http://...", "files": []}'
//
// "random" in it is what Math.random() gives there each time.
// Prints {"said": [status lines], "pictures": [base64 of RGBA rows], "elsewhere": [requests to other hosts]}.
import {chromium} from "playwright-core";

const {browser, flags, profile, url, files, random} = JSON.parse(process.argv[2]);
const context = await chromium.launchPersistentContext(profile, {executablePath: browser, args: flags});
try {
  const page = context.pages()[0] ?? await context.newPage();
  const said = [], pictures = [], elsewhere = [];
  page.on("request", (request) => {
    if (new URL(request.url()).protocol.startsWith("http") && !request.url().startsWith(new URL(url).origin)) {
      elsewhere.push(request.url());
    }
  });
  const next = async (beginning) => {
    const change = ([words]) => document.querySelector("#status").textContent.match(`^(${words}|error: )`);
    await page.waitForFunction(change, [beginning], {timeout: 60_000});
    said.push(await page.textContent("#status"));
    return !said.at(-1).startsWith("error: ");
  };
  if (random !== undefined) await page.addInitScript((number) => { Math.random = () => number; }, random);
  await page.goto(url);
  if (await next("ready")) {
    for (const file of files) {
      await page.evaluate(() => { document.querySelector("#status").textContent = "waiting"; });
      await page.setInputFiles("#layout", file);
      if (!await next("synthesised")) continue;
      pictures.push(await page.evaluate(() => {
        const canvas = document.querySelector("#picture");
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return btoa(Array.from(data, (value) => String.fromCharCode(value)).join(""));
      }));
    }
  }
  console.log(JSON.stringify({said, pictures, elsewhere}));
} finally {
  await context.close();
}
