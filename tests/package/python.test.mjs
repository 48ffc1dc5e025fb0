// The example that reads a checkpoint in Python, held to the package's own matrices.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import { folder, load, project, run, subset, train } from './support.mjs'

const railyard = await load()
const { Checkpoint, Trainer, preset } = railyard
const data = await subset(railyard)
const work = await folder()
const python = process.env.RAILYARD_PYTHON || join(project, '.tools/python/bin/python')
const example = (...options) => run(python, 'docs/python/checkpoint.py', ...options)

/** The 64-bit floats of a file of numpy's, and their shape. */
function numpy(file) {
  assert.equal(file.toString('latin1', 1, 6), 'NUMPY')
  const end = 10 + file.readUInt16LE(8)
  const head = file.toString('latin1', 10, end)
  assert.match(head, /'descr': '<f8', 'fortran_order': False/)
  const shape = head.match(/\((\d+), (\d+)\)/).slice(1).map(Number)
  return { shape, values: new Float64Array(new Uint8Array(file.subarray(end)).buffer) }
}

test('every layer’s matrix is the package’s, and tensorly-torch contracts its factors to the same', async () => {
  const target = { ...preset('paper', 'fixed').prior, kind: 'log-uniform', target: 292 }
  for (const [name, precision, changes] of [
    ['tiny', 'fixed', {}],
    ['tiny', 'float', {}],
    ['tiny', 'bf16', {}],
    ['tiny', 'f16', {}],
    ['dense', 'float', {}],
    ['paper', 'fixed', { prior: target, epochs: 2 }],
  ]) {
    const trainer = new Trainer({ ...preset(name, precision), epochs: 1, ...changes }, data)
    train(trainer, ({ kind, step }) => kind === 'step' && step === (name === 'paper' ? 140 : 30))
    const checkpoint = new Checkpoint(trainer.checkpoint().bytes())
    const file = join(work, 'run.safetensors')
    await writeFile(file, checkpoint.bytes())
    const printed = await example(file, '--check', '--matrices', work)
    for (let layer = 1; layer <= checkpoint.layers; layer++) {
      const { rows, columns, values } = checkpoint.matrix(layer)
      const theirs = numpy(await readFile(join(work, `fc${layer}.npy`)))
      assert.deepEqual(theirs.shape, [rows, columns])
      const difference = values.reduce((most, value, k) => Math.max(most, Math.abs(value - theirs.values[k])), 0)
      assert.ok(difference <= 1e-6, `${name} ${precision} fc${layer}: ${difference}`)
      assert.ok(values.some((value) => Math.abs(value) > 1e-3), 'there are weights')
      assert.match(printed, new RegExp(`fc${layer}: tensorly-torch differs by at most`))
    }
  }
})

test('the page’s example is read', async () => {
  const printed = await example('assets/example-run.safetensors', '--check')
  assert.match(printed, /^fc1: 512 x 896, ranks \[\d+, \d+, \d+\]/m)
})

test('what is no checkpoint is refused in a sentence', async () => {
  for (const file of ['assets/icon.svg', 'no-such-file']) {
    await assert.rejects(example(file), (error) => {
      assert.match(error.stderr, new RegExp(`^${file} cannot be read: .+\\n$`))
      return true
    })
  }
})
