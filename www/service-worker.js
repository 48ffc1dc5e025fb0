// Keeps the page for a second visit without a network. scripts/offline.mjs writes the list of files and their sum.
const kept = { version: '', files: [] }

/** Folders of one origin share its caches, so a name says whose it is. */
const prefix = `railyard ${self.registration.scope} `
const page = `${prefix}page-${kept.version}`
/** Data sets that were fetched; they outlast a version, since their names say what they hold. */
const data = `${prefix}data`

self.addEventListener('install', (event) => {
  // What a proxy or the browser kept may be of another version.
  const requests = kept.files.map((file) => new Request(file, { cache: 'no-cache' }))
  event.waitUntil(caches.open(page).then((cache) => cache.addAll(requests)))
})

self.addEventListener('activate', (event) => {
  const old = (name) => name.startsWith(prefix) && name !== page && name !== data
  const clear = caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
  event.waitUntil(clear.then(() => self.clients.claim()))
})

// The visitor wants the newer version now.
self.addEventListener('message', (event) => {
  if (event.data === 'take over') self.skipWaiting()
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const address = new URL(request.url)
  if (request.method !== 'GET' || !request.url.startsWith(self.registration.scope)) return
  if (request.mode === 'navigate') {
    const path = address.href.slice(self.registration.scope.length).replace(/[?#].*/, '')
    if (path === '' || path === 'index.html') event.respondWith(answer('index.html', request))
    return
  }
  const within = address.pathname.slice(new URL(self.registration.scope).pathname.length)
  if (within.startsWith('data/')) event.respondWith(fetched(request))
  else event.respondWith(answer(request, request))
})

/** What is kept of this version; the network for the rest. */
async function answer(key, request) {
  const cache = await caches.open(page)
  const held = await cache.match(key, { ignoreSearch: true })
  if (!held) return fetch(request)
  // Some hosts send index.html on to its folder; a navigation takes no answer that was sent on.
  return held.redirected ? new Response(held.body, { headers: held.headers }) : held
}

/** A data set: from the network, and kept for when there is none. */
async function fetched(request) {
  try {
    const response = await fetch(request)
    if (response.ok) {
      const copy = response.clone()
      // Where there is no room, the page goes on without.
      caches.open(data).then((cache) => cache.put(request, copy)).catch(() => {})
    }
    return response
  } catch (error) {
    const held = await caches.match(request)
    if (held) return held
    throw error
  }
}
