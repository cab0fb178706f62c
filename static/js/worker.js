// The service worker. It keeps a page that says there is no connection, and that page's own
// stylesheets and script: nothing else, and never a page of somebody's.
// `self.KEPT` is written by the server: { page, files }.

const CACHE = "kept-1";

async function keep() {
  const cache = await caches.open(CACHE);
  // Without cookies: as for a stranger. What is there already need not come again.
  for (const url of self.KEPT.files) {
    if (!(await cache.match(url))) await cache.put(url, await ask(url, "default"));
  }
  await cache.put(self.KEPT.page, await ask(self.KEPT.page, "reload"));
  const wanted = [...self.KEPT.files, self.KEPT.page].map((url) => new URL(url, self.location).href);
  for (const request of await cache.keys()) if (!wanted.includes(request.url)) await cache.delete(request);
}

async function ask(url, cache) {
  const answer = await fetch(url, { credentials: "omit", cache, redirect: "error" });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer;
}

async function begin() {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
  await self.registration.navigationPreload?.enable();
  await self.clients.claim();
}

async function open(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return (await caches.match(self.KEPT.page, { cacheName: CACHE })) ?? Response.error();
  }
}

async function file(request) {
  try {
    return await fetch(request);
  } catch {
    return (await caches.match(request.url, { cacheName: CACHE })) ?? Response.error();
  }
}

self.addEventListener("install", (event) => { self.skipWaiting(); event.waitUntil(keep()); });
self.addEventListener("activate", (event) => event.waitUntil(begin()));
self.addEventListener("fetch", (event) => {
  if (event.request.mode === "navigate") { event.respondWith(open(event)); return; }
  const { origin, pathname } = new URL(event.request.url);
  if (origin === self.location.origin && self.KEPT.files.includes(pathname)) event.respondWith(file(event.request));
});
