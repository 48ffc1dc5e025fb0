// Starts the training worker; every file carries the page's version, so that none comes stale from a cache.
const version = self.location.search;
importScripts(`railyard-worker.js${version}`);
wasm_bindgen({ module_or_path: `railyard-worker_bg.wasm${version}` });
