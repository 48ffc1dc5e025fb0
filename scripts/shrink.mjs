// Trunk's last step: makes the page's programs and scripts small, as they are sent (gzip), not as they lie there.
//
//   TRUNK_STAGING_DIR=dist node scripts/shrink.mjs

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { transformSync } from 'esbuild'

import { features } from './features.mjs'
import { named } from './order.mjs'
import { fetcher, split } from './split.mjs'

// While somebody tries things out, names are worth more.
if (process.env.TRUNK_PROFILE === 'debug') process.exit()

const folder = process.env.TRUNK_STAGING_DIR
const find = (pattern) => join(folder, readdirSync(folder).find((name) => pattern.test(name)))

const passes = [
  ...['-Oz', '--strip-producers'],
  // The lowest KiB is the far end of the stack, so constants may be folded into addresses.
  '--low-memory-unused',
  // What is merged into its only caller no longer looks like its neighbours.
  ...['--one-caller-inline-max-function-size', '1'],
]

// What a visit that stays on the Train tab does without. Of the rest, the way to a board and the visitor's own data are reached by name.
const parting = {
  // What drops a value or keeps a hook's state may be shared with others whose values look alike.
  later: (name) => !/^<*(core::ptr::drop_in_place|yew::functional::hooks|alloc::rc::Rc)/.test(name) && /ui::(accel::(budget|controls|course|figures|floorplan|listing|operations|roofline|stalls|tab|versus)|timeline|board|learn|runs|gather|dialog)::|accel::(trace|tick)::|train::carried::/.test(name),
  doors: (name) => (name.match(/^<?(railyard::link|railyard_engine::data::table|railyard::train::propose|railyard::ui::pictures)::/) && !name.includes('core::cmp')) || name.startsWith('<railyard::ui::session::Session>::board_event'),
}
/** What the second part calls the first. */
const shared = 'a'

const run = (tool, ...args) => execFileSync(tool, [...features, ...args], { encoding: 'utf8' })
const optimise = (program, ...more) => run('wasm-opt', ...passes, ...more, program, '-o', program)

/** Brings a program's functions in an order that compresses. */
function arrange(program, ...more) {
  optimise(program)
  writeFileSync(program, named(readFileSync(program)))
  return optimise(program, '--reorder-functions-by-name', ...more)
}

/** Makes a program small; returns what it and its script call each other, long and short. */
const shrink = (program) => JSON.parse(arrange(program, '--minify-imports-and-exports-and-modules'))

/** Parts a program in two and makes both small; the second takes what it shares with the first from there. */
function shrinkParted(program, later, choice) {
  const text = `${program}.wat`
  optimise(program, '-g')
  run('wasm-dis', program, '-o', text)
  const parts = split(readFileSync(text, 'utf8'), choice)
  const assemble = (part, to) => {
    writeFileSync(text, part)
    run('wasm-as', text, '-o', to)
  }
  assemble(parts.now, program)
  const names = shrink(program)
  const outer = new Map(names.exports)
  assemble(parts.later((long) => (long === '' ? shared : outer.get(long))), later)
  arrange(later)
  rmSync(text)
  return names
}

/** The script with the short names, and without what only readers need. */
function shorten(source, { imports, exports }) {
  const inner = new Map(imports.map(([, long, short]) => [long, short]))
  const outer = new Map(exports.map(([long, short]) => [long, short]))
  const short = (names, long) => {
    if (!names.has(long)) throw new Error(`the program does not know ${long}`)
    return names.get(long)
  }
  const renamed = source
    .replace(/^( +)"\.\/[\w-]+\.js": import0,$/m, '$1a: import0,')
    .replace(/^( +)(\w+)(?=: (?:async )?function)/gm, (_, space, name) => space + short(inner, name))
    .replace(/\bwasm\.(\w+)/g, (_, name) => `wasm.${short(outer, name)}`)
  const { code, warnings } = transformSync(renamed, { format: 'esm', minify: true, target: 'es2022' })
  if (warnings.length > 0) throw new Error(warnings.map(({ text }) => text).join('\n'))
  return code
}

const hash = (of, algorithm, form) => createHash(algorithm).update(of).digest(form)
const integrity = (file) => `sha384-${hash(readFileSync(file), 'sha384', 'base64')}`

/** Has the page's script fetch the second part: in time, or at once where the program asks for it. */
const fetching = (source) =>
  source.replace('const import0 = {\n        __proto__: null,', `$&\n        ${fetcher}: function() {\n            joinNow();\n        },`) +
  `
const laterAddress = import.meta.url.replace(/\\.js(?=$|\\?)/, '_later.wasm');
const laterImports = () => ({ ${shared}: wasm });
let there = false;
function joinNow() {
    // A function that was reached by name, long since there.
    if (there) return;
    const request = new XMLHttpRequest();
    request.open('GET', laterAddress, false);
    // Its bytes as characters: a page may not ask for them otherwise and wait.
    request.overrideMimeType('text/plain; charset=x-user-defined');
    request.send();
    if (request.status !== 200) throw new Error('a part of the page could not be fetched (status ' + request.status + ')');
    const bytes = Uint8Array.from(request.responseText, (letter) => letter.charCodeAt(0) & 255);
    new WebAssembly.Instance(new WebAssembly.Module(bytes), laterImports());
    there = true;
}
async function join() {
    const response = await fetch(laterAddress);
    if (!response.ok) throw new Error('status ' + response.status);
    await WebAssembly.instantiate(await response.arrayBuffer(), laterImports());
    there = true;
}
let joined;
globalThis.railyardLater = () => (joined ??= join().catch((error) => {
    joined = undefined;
    throw error;
}));
`

// Each program with the file that names it: its names then say what is in it, and the page vouches for its own.
for (const [kind, caller] of [
  ['page', 'index.html'],
  ['compare', 'compare.js'],
]) {
  const [script, program] = ['.js', '_bg.wasm'].map((end) => find(new RegExp(`^railyard-${kind}(-[0-9a-f]+)?${end}$`)))
  const files = [script, program]
  const before = files.map(integrity)
  const source = readFileSync(script, 'utf8')
  if (kind === 'page') {
    const later = program.replace('_bg.wasm', '_later.wasm')
    const module = source.match(/^ +"(\.\/[\w-]+\.js)": import0,$/m)[1]
    writeFileSync(script, shorten(fetching(source), shrinkParted(program, later, { ...parting, script: module })))
    files.push(later)
  } else {
    writeFileSync(script, shorten(source, shrink(program)))
  }
  const after = files.map(integrity)

  const told = basename(script, '.js')
  const now = `railyard-${kind}-${hash(after.join(), 'sha256', 'hex').slice(0, 16)}`
  let text = readFileSync(join(folder, caller), 'utf8').replaceAll(told, now)
  before.forEach((old, k) => (text = text.replace(old, after[k])))
  writeFileSync(join(folder, caller), text)
  for (const file of files) renameSync(file, file.replace(told, now))
}
