// Keeps the page's own files, so that it opens when the gateway does not answer. All else passes untouched: addresses
// of the API, other servers. The gateway writes in front of this what there is to keep:
// const PAGE = { version: "…", files: { "/app.js": "sha256-…", … } }
const PREFIX = "passerelle-page-"
const CACHE = PREFIX + PAGE.version

addEventListener("install", (event) => {
  // Where browsers can do so, questions to a model do not wait until this worker has woken up.
  event.addRoutes?.({ condition: { requestMethod: "POST" }, source: "network" })
  event.waitUntil(keep())
})
addEventListener("activate", (event) => event.waitUntil(takeOver()))
addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url)
  const isOurs = origin === location.origin && Object.hasOwn(PAGE.files, pathname)
  if (isOurs && event.request.method === "GET") event.respondWith(answer(event.request, pathname))
})

/** All files or none, each exactly as listed: a page that is half old and half new is never kept. */
async function keep() {
  const requests = Object.entries(PAGE.files).map(
    ([path, integrity]) => new Request(path, { integrity, cache: "no-cache" }),
  )
  await (await caches.open(CACHE)).addAll(requests)
  await skipWaiting() // nothing is lost to an open page: it is served by the network as before
}

async function takeOver() {
  const names = await caches.keys()
  await Promise.all(
    names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)),
  )
  await clients.claim()
}

/** The network first, so that no visit shows an old page; what is kept when the gateway, or a proxy before it, is down. */
async function answer(request, path) {
  const fresh = await fetch(request).catch(() => null)
  if (fresh && fresh.status < 500) return fresh
  return (await caches.match(path, { cacheName: CACHE, ignoreVary: true })) ?? fresh ?? Response.error()
}
