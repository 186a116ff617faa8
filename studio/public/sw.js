// Keeps the page for when there is no network, and lets it share memory (wasm threads) on hosts that send no such headers.
// The build fills in what there is, and a number that changes with it.
const [FILES, VERSION] = [["__FILES__"], "__VERSION__"];
const CACHE = `ecgan-studio-${VERSION}`;
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Content-Security-Policy": "__POLICY__", // of the worker, which a page's own policy does not bind
};

self.addEventListener("install", (event) => {
  event.waitUntil(fill().then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => event.waitUntil(takeOver()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && new URL(request.url).origin === self.location.origin) event.respondWith(answer(event));
});

async function fill() {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES);
  await cache.add("./model.tflite").catch(() => undefined); // a host may have none
}

async function takeOver() {
  const cache = await caches.open(CACHE);
  for (const name of await caches.keys()) {
    if (!name.startsWith("ecgan-studio-") || name === CACHE) continue;
    const model = await (await caches.open(name)).match("./model.tflite");
    if (model) await cache.put("./model.tflite", model);
    await caches.delete(name);
  }
  await self.clients.claim();
}

async function answer(event) {
  const { request } = event;
  let response;
  try {
    response = await fetch(request);
  } catch (error) {
    const kept = await (await caches.open(CACHE)).match(request);
    if (kept) return isolated(kept);
    throw error;
  }
  if (response.status === 200) event.waitUntil(keep(request, response.clone()));
  return isolated(response);
}

/** A full disk takes nothing from a page that has a network. */
async function keep(request, response) {
  try {
    await (await caches.open(CACHE)).put(request, response);
  } catch {
    // it stays without
  }
}

function isolated(response) {
  if (!response.ok) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
