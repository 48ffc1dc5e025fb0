// Fixed point gives the same bits in the page as on the command line, however the run is cut up.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { commandLine, stage } from './support.mjs'

const { visit } = stage()

const tiny = { preset: 'tiny', precision: 'fixed', ranks: 'stay', epochs: 1, seed: 7 }
/** The same settings for the command line. */
const options = ({ ranks, ...settings }) => [
  ...(ranks === 'stay' ? [] : ['--prior', 'log-uniform']),
  ...Object.entries(settings).flatMap(([name, value]) => [`--${name.replace(/[._]/g, '-')}`, String(value)]),
]

/** The checksum that the command line ends with. */
async function native(settings, ...more) {
  const epochs = await commandLine('train', '--data', 'fashion-mnist-subset', ...options(settings), ...more)
  return epochs.at(-1).checksum
}

const runs = {
  'the tiny preset': tiny,
  'the paper preset': { ...tiny, preset: 'paper', seed: 3 },
  'stochastic rounding': { ...tiny, rounding: 'stochastic', master_rounding: 'stochastic' },
  'ranks that die': { ...tiny, epochs: 3, ranks: 'target', 'prior.target': 300 },
}

for (const [name, settings] of Object.entries(runs)) {
  test(`${name}: the page, one thread and two give one checksum`, async (t) => {
    const visitor = await visit(t)
    await visitor.set(settings)
    const { checksum } = await visitor.train()
    assert.match(checksum, /^[0-9a-f]{16}$/)
    assert.equal(checksum, await native(settings), 'as on the command line')
    assert.equal(checksum, await native(settings, '--threads', '2'), 'as with two threads')
  })
}

/** A run long enough to be paused in its midst: some seconds. */
const long = { ...tiny, epochs: 30 }
const steps = long.epochs * 94

/** A long run that stands still somewhere before its end. */
async function halfway(t) {
  const visitor = await visit(t)
  await visitor.set(long)
  await visitor.press('Train')
  await visitor.until((state) => state.origin === 'live' && state.step > 5)
  await visitor.press('Pause')
  const state = await visitor.until((state) => state.phase === 'paused')
  assert.ok(state.step < steps, `paused at step ${state.step} of ${steps}`)
  return { visitor, state }
}

test('paused, stepped and gone on with is as run through', async (t) => {
  const { visitor, state } = await halfway(t)
  for (let step = 1; step <= 3; step++) {
    await visitor.press('Step')
    await visitor.until((state, wanted) => state.step === wanted && state.checksum, state.step + step)
  }
  const { checksum } = await visitor.train()
  assert.equal(checksum, await native(long))
})

test('saved halfway and opened in another profile is as run through', async (t) => {
  const { visitor, state } = await halfway(t)
  const file = await visitor.download('Save')
  assert.match(file.name, new RegExp(`^railyard-fashion-mnist-subset-seed7-step${state.step}\\.safetensors$`))

  const other = await visit(t)
  await other.choose('Load', file)
  const loaded = await other.until((state) => state.phase === 'paused')
  assert.deepEqual([loaded.step, loaded.checksum], [state.step, state.checksum])
  await other.settled()
  const { checksum } = await other.train()
  assert.equal(checksum, await native(long))
})
