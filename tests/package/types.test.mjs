// The package's TypeScript types, held by the compiler to what the package returns: every object is written out as
// a literal of its type, in which a field too many, too few or of another type is an error.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import { folder, load, pkg, project, run, subset, train } from './support.mjs'

const railyard = await load()
const { Plan, Simulator, Trainer, machine, machineNames, preset, propose } = railyard
const work = await folder()
await writeFile(join(work, 'package.json'), '{"type": "module"}')

/** What the compiler says of a text; nothing if it is content. */
async function compile(name, text, ...options) {
  await writeFile(join(work, name), text)
  const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--target', 'es2022', '--lib', 'es2022,dom,dom.iterable,esnext.disposable']
  const modules = ['--module', 'esnext', '--moduleResolution', 'bundler']
  try {
    return await run(join(project, 'node_modules/.bin/tsc'), ...flags, ...modules, ...options, join(work, name))
  } catch (error) {
    return error.stdout
  }
}

const from = JSON.stringify(join(pkg, 'railyard.js'))

/** One object of every kind that the package returns, by its type. */
async function objects() {
  const config = { ...preset('tiny', 'fixed'), epochs: 3 }
  Object.assign(config.prior, { kind: 'log-uniform', target: 300 })
  const trainer = new Trainer(config, await subset(railyard))
  const done = train(trainer)
  const pruned = done.find((progress) => progress.kind === 'step' && progress.pruned.length > 0)
  assert.ok(pruned, 'ranks shrank')
  const of = (kind) => done.find((progress) => progress.kind === kind)
  const published = preset('paper', 'fixed')
  published.schedule = 'paper'
  const plan = new Plan(published)
  const plain = new Simulator(plan, { machine: 'published' })
  const ticked = new Simulator(new Plan({ ...config, batch: 2 }), { engine: 'tick', measured: 10, device: 'ecp5-25f', energy_table: 'accelergy-40nm' })
  const outside = { ...machine('published'), memory: { kind: 'external', bytes_per_cycle: 8, latency: 20 } }
  return [
    ...['paper', 'tiny', 'dense'].flatMap((name) => ['float', 'bf16', 'f16', 'fixed'].map((precision) => ['RunConfig', preset(name, precision)])),
    ['NetworkConfig', propose(20, 30, 5)],
    ...[of('step'), pruned, of('evaluating'), of('epoch'), of('finished')].map((progress) => ['Progress', progress]),
    ['Snapshot', trainer.snapshot()],
    ['TensorInfo[]', trainer.checkpoint().tensors()],
    ['number[][]', trainer.ranks],
    ['PlannedOperation[]', plan.operations],
    ['PlannedLayer[]', plan.layers],
    ['PlanTotal', plan.total],
    ...machineNames().map((name) => ['Machine', machine(name)]),
    ['Machine', outside],
    ...[plain, ticked, new Simulator(plan, { machine: outside })].flatMap((simulator) => [
      ['SimulatedOperation[]', simulator.operations],
      ['SimulationTotal', simulator.total],
    ]),
    ['PublishedCount', plain.published],
  ]
}

test('every object the package returns is of its declared type', async () => {
  const found = await objects()
  const text = (lines) => [`import type * as types from ${from}`, ...lines, 'export {}'].join('\n')
  const line = ([type, value], k) => `export const v${k}: ${type.replace(/^(?=[A-Z])/, 'types.')} = ${JSON.stringify(value)}`
  assert.equal(await compile('objects.ts', text(found.map(line))), '')

  // The compiler would notice: one field more, and one field less.
  for (const [type, value] of found.filter(([, value]) => !Array.isArray(value))) {
    assert.match(await compile('more.ts', text([line([type, { ...value, colour: 'red' }], 0)])), /colour/, type)
    const [first] = Object.keys(value)
    const { [first]: _, ...less } = value
    assert.notEqual(await compile('less.ts', text([line([type, less], 0)])), '', `${type} without ${first}`)
  }
})

test('a script in TypeScript compiles, and its mistakes do not', async () => {
  const script = `
import init, { Checkpoint, Data, Plan, Simulator, Trainer, initSync, machine, preset, type Progress, type RunConfig } from ${from}

export async function run(file: Uint8Array): Promise<Float32Array> {
  await init()
  const config: RunConfig = preset('tiny', 'fixed')
  config.prior.kind = 'log-uniform'
  using data = Data.packed(file)
  using trainer = new Trainer(config, data)
  for (;;) {
    const done: Progress = trainer.advance()
    if (done.kind === 'finished') break
    if (done.kind === 'epoch') console.log(done.test_accuracy.toFixed(3), done.ranks[0]?.[0])
  }
  const checkpoint: Checkpoint = trainer.checkpoint()
  const { rows, columns, values } = checkpoint.matrix(1)
  console.log(rows * columns === values.length)
  const simulator = new Simulator(new Plan(config), { machine: { ...machine('published'), clock_mhz: 200 }, array: [16, 16] })
  console.log(simulator.total.cycles.per_step, simulator.published?.sample_cycles, simulator.operations[0]?.stalls.load?.busy)
  // @ts-expect-error a preset there is not
  preset('huge', 'fixed')
  // @ts-expect-error a field there is not
  config.batches = 3
  // @ts-expect-error a loss may be none
  done.loss.toFixed()
  // @ts-expect-error an option there is not
  new Simulator(checkpoint.plan(), { colour: 'red' })
  // @ts-expect-error what is computed is not set
  checkpoint.matrix(1).rows = 3
  return checkpoint.predict(data.testImage(0), data.height, data.width)
}
`
  assert.equal(await compile('script.ts', script), '')
})

test('the minimal page’s script is of the declared types', async () => {
  const options = ['--allowJs', '--checkJs', '--ignoreConfig']
  const tsc = run(join(project, 'node_modules/.bin/tsc'), '--noEmit', '--strict', '--target', 'es2022', '--module', 'esnext', '--moduleResolution', 'bundler', '--lib', 'es2022,dom,dom.iterable,esnext.disposable', ...options, 'www/embed.js')
  assert.equal(await tsc.catch((error) => error.stdout), '')
})
