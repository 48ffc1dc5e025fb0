// Fetches and starts the program of the Compare tab.
import start from './railyard-compare.js'

await start({ module_or_path: new URL('railyard-compare_bg.wasm', import.meta.url) })
