// The package in Node: what it computes is what the command line computes, and what is wrong is said.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

import { commandLine, folder, load, project, run, subset, train } from './support.mjs'

const railyard = await load()
const { Checkpoint, Data, Plan, Simulator, Trainer, machine, machineNames, preset, propose, version } = railyard
const data = await subset(railyard)
const work = await folder()

const tiny = (changes) => ({ ...preset('tiny', 'fixed'), epochs: 1, ...changes })

test('a run is the command line’s, epoch by epoch, to the checkpoint’s last byte', async () => {
  for (const precision of ['fixed', 'float']) {
    const file = join(work, `${precision}.safetensors`)
    const lines = await commandLine('train', '--preset', 'tiny', '--precision', precision, '--epochs', '2', '--threads', '1', '--out', file)
    const trainer = new Trainer({ ...preset('tiny', precision), epochs: 2 }, data)
    const done = train(trainer)
    const epochs = done.filter(({ kind }) => kind === 'epoch')
    assert.equal(epochs.length, 2)
    assert.ok(epochs[1].test_accuracy > 0.7, 'it learns')
    assert.ok(epochs.every((epoch) => epoch.samples_per_second > 0), 'by a clock')
    assert.equal(done.filter(({ kind }) => kind === 'step').length, trainer.totalSteps)
    assert.equal(trainer.step, trainer.totalSteps)
    const theirs = lines.filter((line) => 'test_accuracy' in line)
    assert.equal(theirs.length, 2)
    if (precision === 'fixed') {
      // Floating point differs between processors' instructions; integers do not.
      assert.deepEqual(epochs.map((epoch) => epoch.checksum), theirs.map((epoch) => epoch.checksum))
      assert.deepEqual(Buffer.from(trainer.checkpoint().bytes()), await readFile(file))
    }
  }
})

test('a checkpoint goes on to the same end, and is read as it was written', () => {
  const config = tiny({ epochs: 2 })
  const whole = new Trainer(config, data)
  train(whole)
  const part = new Trainer(config, data)
  train(part, ({ kind, step }) => kind === 'step' && step === 120)
  const kept = new Checkpoint(part.checkpoint().bytes())
  assert.deepEqual(kept.config, config)
  assert.deepEqual(kept.ranks, part.ranks)
  const resumed = kept.resume(data)
  assert.equal(resumed.step, 120)
  train(resumed)
  assert.equal(resumed.checksum, whole.checksum)

  const names = kept.tensors().map(({ name }) => name)
  assert.ok(names.includes('fc1.G1') && names.includes('fc2.b.second'))
  for (const { name, dtype, shape } of kept.tensors()) {
    const values = kept.tensor(name)
    assert.ok(values instanceof (dtype === 'F32' ? Float32Array : Uint16Array), name)
    assert.equal(values.length, shape.reduce((a, b) => a * b, 1), name)
  }
  assert.deepEqual(kept.bias(2), kept.tensor('fc2.b'))
})

test('a network answers as its trainer and its checkpoint do', () => {
  const trainer = new Trainer(tiny(), data)
  train(trainer)
  const checkpoint = trainer.checkpoint()
  let right = 0
  for (let index = 0; index < 200; index++) {
    const image = data.testImage(index)
    const answer = trainer.predict(image)
    assert.equal(answer.length, 10)
    assert.ok(Math.abs(answer.reduce((a, b) => a + b) - 1) < 1e-5)
    if (answer.indexOf(Math.max(...answer)) === data.testLabel(index)) right++
    if (index < 5) assert.deepEqual(checkpoint.predict(image, data.height, data.width), answer)
  }
  assert.ok(right > 120, `${right} of 200 right`)
})

test('a plan and a simulation are the command line’s', async () => {
  for (const [name, ...options] of [['tiny'], ['paper', '--schedule', 'paper']]) {
    const config = preset(name, 'fixed')
    if (options.length > 0) config.schedule = 'paper'
    const plan = new Plan(config)
    const network = ['--preset', name, '--precision', 'fixed', ...options]
    const planned = await commandLine('plan', ...network)
    assert.deepEqual([...plan.operations, ...plan.layers, plan.total], planned)
    const simulated = await commandLine('simulate', ...network, '--machine', 'streamlined', '--array', '8x4', '--device', 'ecp5-85f')
    const simulator = new Simulator(plan, { machine: 'streamlined', array: [8, 4], device: 'ecp5-85f' })
    const found = [...simulator.operations, simulator.total]
    if (simulator.published) found.push(simulator.published)
    assert.deepEqual(found, simulated)
    assert.equal(simulator.published !== undefined, name === 'paper')
  }
})

test('the tick engine agrees with the event engine', () => {
  const config = tiny({ batch: 4 })
  const { total } = new Simulator(new Plan(config), { engine: 'tick', measured: 1000 })
  assert.equal(total.tick.boundary_differences, 0)
  assert.equal(total.tick.word_differences, 0)
  assert.ok(total.tick.words > 10_000 && total.tick.seconds > 0)
  assert.equal(total.measured.samples_per_second, 1000)
  assert.deepEqual(total.cycles, new Simulator(new Plan(config)).total.cycles)
})

test('a plan of a checkpoint has its ranks', () => {
  const config = tiny({ prior: { ...preset('tiny', 'fixed').prior, kind: 'log-uniform', target: 300 }, epochs: 4 })
  const trainer = new Trainer(config, data)
  train(trainer, ({ kind, epoch }) => kind === 'epoch' && epoch === 3)
  const { parameters } = trainer.plan().total
  assert.ok(parameters < new Plan(config).total.parameters, 'ranks shrank')
  assert.equal(trainer.checkpoint().plan().total.parameters, parameters)
  const entries = trainer.snapshot().layers.flatMap(({ cores }) => cores).map(({ values }) => values.length)
  assert.equal(entries.reduce((a, b) => a + b), trainer.plan().total.core_entries)
})

test('a timeline is written as the command line writes it', async () => {
  const simulator = new Simulator(new Plan(tiny({ epochs: 10 })))
  const program = process.env.RAILYARD_BIN || join(project, 'target/release/railyard')
  for (const format of ['chrome', 'perfetto', 'vcd', 'kanata', 'csv']) {
    const file = join(work, `trace.${format}`)
    const options = ['--preset', 'tiny', '--precision', 'fixed', '--trace', file, '--trace-format', format, '--trace-range', '100..4000']
    await run(program, 'simulate', ...options)
    assert.deepEqual(Buffer.from(simulator.trace(format, 100, 4000)), await readFile(file), format)
  }
})

test('data of one’s own: pixels, tables, IDX files', () => {
  const classes = 3
  const labels = Uint8Array.from({ length: 90 }, (_, k) => k % classes)
  const pixels = Uint8Array.from({ length: 90 * 36 }, (_, k) => (Math.floor((k % 36) / 12) === labels[Math.floor(k / 36)] ? 200 : 20) + (k % 7))
  const own = new Data(pixels, labels, 6, 6, ['top', 'middle', 'bottom'])
  assert.deepEqual([own.height, own.width, own.classNames, own.trainCount + own.testCount], [6, 6, ['top', 'middle', 'bottom'], 90])
  const config = { ...preset('paper', 'float'), network: propose(6, 6, classes), epochs: 20, batch: 16, data: 'stripes' }
  const trainer = new Trainer(config, own)
  const epochs = train(trainer).filter(({ kind }) => kind === 'epoch')
  assert.equal(epochs.at(-1).test_accuracy, 1, 'three stripes are told apart')
  assert.deepEqual(Data.packed(own.pack()).testImage(0), own.testImage(0))

  const rows = [...labels].map((label, k) => [['a', 'b', 'c'][label], ...pixels.subarray(36 * k, 36 * (k + 1))].join(','))
  const table = Data.csv(new TextEncoder().encode(rows.join('\n')))
  assert.deepEqual([table.classNames, table.height, table.width, table.testCount], [['a', 'b', 'c'], 6, 6, own.testCount])

  const head = (...numbers) => new Uint8Array(numbers.flatMap((number, at) => (at === 0 ? [0, 0, 8, number] : [0, 0, 0, number])))
  const idx = Data.idx({
    'images.gz': new Uint8Array(gzipSync(Buffer.concat([head(3, 90, 6, 6), pixels]))),
    labels: new Uint8Array(Buffer.concat([head(1, 90), labels])),
  })
  assert.deepEqual(idx.testImage(2), own.testImage(2))
})

test('names are those there are', () => {
  assert.deepEqual(machineNames(), ['published', 'overlapped', 'streamlined'])
  for (const name of machineNames()) assert.equal(machine(name).name, name)
  assert.match(version(), /^\d+\.\d+\.\d+$/)
})

test('what is wrong is said in a sentence, and the package goes on', () => {
  const plan = new Plan(tiny())
  const bytes = new Trainer(tiny(), data).checkpoint().bytes()
  for (const [act, sentence] of [
    [() => preset('huge', 'fixed'), /huge.*tiny/],
    [() => preset('tiny', 'int3'), /int3.*fixed/],
    [() => new Plan({ ...tiny(), epochs: 0 }), /epochs: 0 epochs; choose 1 to 1,000/],
    [() => new Plan({ ...tiny(), batches: 1 }), /batches/],
    [() => new Plan({ ...tiny(), batch: 'many' }), /batch/],
    [() => new Plan(undefined), /no plain object/],
    [() => new Plan({ ...tiny(), seed: 1n }), /no plain object/],
    [() => new Plan({ ...tiny(), method: { name: 'pruned' } }), /method/],
    [() => new Trainer(preset('dense', 'float'), new Data(new Uint8Array(8), new Uint8Array([0, 0, 1, 1]), 1, 2, ['a', 'b'])), /1 x 2.*784/],
    [() => Data.packed(new Uint8Array(100)), /RYPK/],
    [() => Data.csv(new Uint8Array([255, 254])), /./],
    [() => Data.idx({ one: new Uint8Array(4) }), /./],
    [() => new Data(new Uint8Array(3), new Uint8Array(2), 1, 1, ['a', 'b']), /./],
    [() => new Data(new Uint8Array(3), new Uint8Array(3), 1, 1, ['a']), /1 names of classes; 2 to 256/],
    [() => new Data(new Uint8Array(3), new Uint8Array(3), 0, -1, ['a', 'b']), /1 to 64 rows and columns/],
    [() => data.testImage(1000), /no image 1000; 0 to 999/],
    [() => new Trainer(tiny(), data).predict(new Uint8Array(3)), /image of 3 pixels/],
    [() => new Checkpoint(new Uint8Array(20)), /safetensors/],
    [() => new Checkpoint(bytes.subarray(0, 5000)), /safetensors|tensor/],
    [() => new Checkpoint(bytes).tensor('fc9.G1'), /fc9\.G1; known are/],
    [() => new Checkpoint(bytes).matrix(0), /no layer 0; 1 to 2/],
    [() => new Checkpoint(bytes).predict(new Uint8Array(4), 2, 2), /2 x 2/],
    [() => machine('quantum'), /quantum.*published/],
    [() => new Simulator(plan, { machine: 'quantum' }), /machine: quantum.*published/],
    [() => new Simulator(plan, { machine: { ...machine('published'), lanes: 0 } }), /lanes.*1 to 256/],
    [() => new Simulator(plan, { array: [16] }), /array: write \[lanes, rows\]/],
    [() => new Simulator(plan, { array: [16, 999] }), /1 to 256/],
    [() => new Simulator(plan, { device: 'zu9eg' }), /zu3eg/],
    [() => new Simulator(plan, { engine: 'steam' }), /event and tick/],
    [() => new Simulator(plan, { cpu_efficiency: 2 }), /share/],
    [() => new Simulator(plan, { colour: 'red' }), /colour.*accepted/],
    [() => new Simulator(plan, [1]), /options/],
    [() => new Simulator(plan).trace('svg'), /svg|known/],
    [() => propose(0, 28, 10), /1 to 64/],
    [() => propose(28, 28, 1), /2 to 256/],
  ]) {
    assert.throws(act, (error) => {
      assert.ok(error instanceof Error && !(error instanceof WebAssembly.RuntimeError), `${act}: ${error}`)
      assert.match(error.message, sentence, String(act))
      return true
    })
  }
  assert.equal(new Plan(tiny()).total.total, true)
})
