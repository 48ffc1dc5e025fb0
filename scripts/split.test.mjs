// A program in two parts computes what it computed whole, whether the second part is there in time or not.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

import { split } from './split.mjs'

// As a program of the page has them: with two tables.
const features = ['bulk-memory', 'mutable-globals', 'reference-types'].map((feature) => `--enable-${feature}`)
const folder = mkdtempSync(join(tmpdir(), 'railyard-split-'))
after(() => rmSync(folder, { recursive: true }))

/** A function long enough to be parted off: `count` steps of a sum in memory. */
const long = (name, head, count, more = '') =>
  ` (func ${name} ${head}\n${Array.from({ length: count }, (_, k) => `  (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const ${k})))`).join('\n')}\n${more} )`

const whole = `(module
 (type $unary (func (param i32) (result i32)))
 (import "host" "tell" (func $tell (param i32)))
 (global $depth (mut i32) (i32.const 7))
 (memory $memory 1)
 (table $table 4 4 funcref)
 (table $values 1 externref)
 (elem (table $table) (i32.const 1) func $near $"far::slot" $"far::small")
 (export "memory" (memory $memory))
 (export "values" (table $values))
 (export "run" (func $run))
 (export "door" (func $door))
 (func $near (param $0 i32) (result i32) (i32.add (local.get $0) (i32.const 1)))
 (func $run (param $0 i32) (param $1 i32) (result i32) (call_indirect $table (type $unary) (local.get $1) (local.get $0)))
 (func $door (param $0 i32) (result i32) (call $"far::door" (local.get $0)))
 (func $"far::small" (param $0 i32) (result i32) (i32.mul (local.get $0) (i32.const 3)))
${long('$"far::slot"', '(param $0 i32) (result i32)', 40, '  (global.set $depth (i32.add (global.get $depth) (i32.const 1)))\n  (call $tell (global.get $depth))\n  (call $near (i32.mul (local.get $0) (call $"far::only" (local.get $0))))')}
${long('$"far::door"', '(param $0 i32) (result i32)', 40, '  (i32.sub (call $near (local.get $0)) (i32.load (i32.const 0)))')}
${long('$"far::only"', '(param $0 i32) (result i32)', 40, '  (i32.const 5)')}
)`

/** A program of text form, by way of the printer if it is to be parted. */
function assemble(text, name) {
  const [from, to] = [join(folder, `${name}.wat`), join(folder, `${name}.wasm`)]
  writeFileSync(from, text)
  execFileSync('wasm-as', [...features, '-g', from, '-o', to])
  return to
}

const choice = { later: (name) => name.startsWith('far::') && name !== 'far::door', doors: (name) => name === 'far::door', script: 'host' }

/** Both parts, and what the first asked for. */
function parts() {
  const printed = execFileSync('wasm-dis', [...features, assemble(whole, 'whole')], { encoding: 'utf8' })
  const { now, later } = split(printed, choice)
  const program = (text, name) => new WebAssembly.Module(readFileSync(assemble(text, name)))
  return { now: program(now, 'now'), later: program(later((name) => name || 'first'), 'later') }
}

function start({ now, later }, early) {
  const told = []
  let asked = 0
  let first
  const join = () => new WebAssembly.Instance(later, { first: first.exports })
  const fetch_later = () => {
    asked += 1
    if (asked === 1 && !early) join()
  }
  first = new WebAssembly.Instance(now, { host: { tell: (value) => told.push(value), fetch_later } })
  if (early) join()
  return { ...first.exports, told, asked: () => asked }
}

const results = ({ run, door, told }) => [run(1, 4), run(2, 4), run(3, 4), door(10), run(2, 5), told.join()]

test('both parts compute what the whole does, fetched in time or by a stub', () => {
  const told = []
  const module = new WebAssembly.Module(readFileSync(assemble(whole, 'reference')))
  const expected = results({ ...new WebAssembly.Instance(module, { host: { tell: (value) => told.push(value) } }).exports, told })
  const both = parts()
  for (const early of [true, false]) assert.deepEqual(results(start(both, early)), expected, early ? 'in time' : 'by a stub')
})

test('what is parted off is gone from the first part, and what is little stays', () => {
  const both = parts()
  const late = start(both, false)
  assert.equal(late.run(1, 4), 5)
  assert.equal(late.run(3, 4), 12)
  assert.equal(late.asked(), 0, 'neither was parted off')
  late.run(2, 4)
  assert.equal(late.asked(), 1)
  const names = WebAssembly.Module.imports(both.later).map(({ name, kind }) => `${kind} ${name}`)
  assert.ok(names.includes('memory memory'), `${names}`)
  assert.ok(names.some((name) => name.startsWith('global')), 'the stack is shared')
})
