// Trunk's last step: makes the page's programs and scripts small, as they are sent (gzip), not as they lie there.
//
//   TRUNK_STAGING_DIR=dist node scripts/shrink.mjs

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { transformSync } from 'esbuild'

import { named } from './order.mjs'

// While somebody tries things out, names are worth more.
if (process.env.TRUNK_PROFILE === 'debug') process.exit()

const folder = process.env.TRUNK_STAGING_DIR
const find = (pattern) => join(folder, readdirSync(folder).find((name) => pattern.test(name)))

const features = ['simd', 'bulk-memory', 'nontrapping-float-to-int', 'sign-ext', 'mutable-globals', 'reference-types', 'multivalue']
const passes = [
  ...['-Oz', '--strip-producers'],
  // The lowest KiB is the far end of the stack, so constants may be folded into addresses.
  '--low-memory-unused',
  // What is merged into its only caller no longer looks like its neighbours.
  ...['--one-caller-inline-max-function-size', '1'],
]

const optimise = (program, ...more) =>
  execFileSync('wasm-opt', [...features.map((feature) => `--enable-${feature}`), ...passes, ...more, program, '-o', program], { encoding: 'utf8' })

/** Makes a program small; returns what it and its script call each other, long and short. */
function shrink(program) {
  optimise(program)
  writeFileSync(program, named(readFileSync(program)))
  return JSON.parse(optimise(program, '--reorder-functions-by-name', '--minify-imports-and-exports-and-modules'))
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

// Each program with the file that names it: its names then say what is in it, and the page vouches for its own.
for (const [kind, caller] of [
  ['page', 'index.html'],
  ['compare', 'compare.js'],
]) {
  const [script, program] = ['.js', '_bg.wasm'].map((end) => find(new RegExp(`^railyard-${kind}(-[0-9a-f]+)?${end}$`)))
  const before = [script, program].map(integrity)
  const source = readFileSync(script, 'utf8')
  writeFileSync(script, shorten(source, shrink(program)))
  const after = [script, program].map(integrity)

  const told = basename(script, '.js')
  const now = `railyard-${kind}-${hash(after.join(), 'sha256', 'hex').slice(0, 16)}`
  let text = readFileSync(join(folder, caller), 'utf8').replaceAll(told, now)
  before.forEach((old, k) => (text = text.replace(old, after[k])))
  writeFileSync(join(folder, caller), text)
  for (const file of [script, program]) renameSync(file, file.replace(told, now))
}
