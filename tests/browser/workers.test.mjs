// Several workers share each batch: the same bits whatever their number, and whatever happens to them.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { commandLine, stage } from './support.mjs'

const { visit } = stage()

// Some seconds of training, so that a run can be interrupted in its midst.
const settings = { preset: 'paper', precision: 'fixed', ranks: 'stay', epochs: 6, batch: 64, seed: 7 }
/** A machine of four processors, as the page is told. */
const script = `Object.defineProperty(Object.getPrototypeOf(navigator), 'hardwareConcurrency', { get: () => 4 })`

let known
/** The checksum that the command line ends with. */
async function native() {
  known ??= (await commandLine('train', '--data', 'fashion-mnist-subset', '--preset', 'paper', '--precision', 'fixed', '--epochs', String(settings.epochs), '--batch', '64', '--seed', '7')).at(-1).checksum
  return known
}

async function comes(t, workers) {
  const visitor = await visit(t, { script })
  await visitor.set({ ...settings, workers })
  return visitor
}

for (const workers of ['1', '2', '3', 'auto']) {
  test(`${workers}: the checksum is the command line's`, async (t) => {
    const visitor = await comes(t, workers)
    await visitor.press('Train')
    const wanted = workers === 'auto' ? 2 : Number(workers)
    await visitor.until((state, wanted) => state.workers === wanted, wanted)
    const { checksum } = await visitor.until((state) => state.phase === 'finished')
    assert.equal(checksum, await native())
  })
}

test('paused, stepped, gone on with and given another number of workers is as run through', async (t) => {
  const visitor = await comes(t, '2')
  await visitor.press('Train')
  await visitor.until((state) => state.workers === 2 && state.step > 3)
  await visitor.press('Pause')
  const paused = await visitor.until((state) => state.phase === 'paused')
  for (let step = 1; step <= 3; step++) {
    await visitor.press('Step')
    await visitor.until((state, wanted) => state.step === wanted && state.checksum, paused.step + step)
  }
  await visitor.press('Train')
  await visitor.page.selectOption('#f-workers', '3')
  await visitor.until((state) => state.workers === 3 || state.phase === 'finished')
  const { checksum } = await visitor.until((state) => state.phase === 'finished')
  assert.equal(checksum, await native())
})

test('reset while two train, and trained again, is as run through', async (t) => {
  const visitor = await comes(t, '2')
  await visitor.press('Train')
  await visitor.until((state) => state.workers === 2 && state.step > 3)
  await visitor.press('Reset')
  await visitor.until((state) => state.step === 0 && state.checksum)
  const { checksum } = await visitor.train()
  assert.equal(checksum, await native())
})

test('a worker that helps and traps is replaced; no step is lost', async (t) => {
  const visitor = await comes(t, '2')
  await visitor.press('Train')
  await visitor.until((state) => state.workers === 2 && state.step > 3)
  await visitor.page.evaluate(() => window.railyard.crashFollower())
  const told = await visitor.until((state) => state.notice)
  assert.match(told.notice, /A worker that helps with training stopped \(.*asked to trap.*\); another takes its place\. No step is lost\./)
  const { checksum } = await visitor.until((state) => state.phase === 'finished')
  assert.equal(checksum, await native())
  visitor.expect(/asked to trap|unreachable/)
})

test('the number is kept in the browser and is in no link', async (t) => {
  const visitor = await comes(t, '2')
  const { page } = visitor
  assert.ok(!page.url().includes('workers'))
  await page.reload()
  await page.waitForFunction(() => window.railyard)
  // The number is asked for once the worker listens.
  await page.evaluate(() => window.railyard.idle())
  assert.equal(await page.inputValue('#f-workers'), '2')
  await page.selectOption('#f-workers', 'auto')
  await page.reload()
  await page.waitForFunction(() => window.railyard)
  await page.evaluate(() => window.railyard.idle())
  assert.equal(await page.inputValue('#f-workers'), 'auto')
})

test('the measurement takes one worker and two to the same checksum', async (t) => {
  const visitor = await visit(t)
  const [one, two] = JSON.parse(await visitor.page.evaluate(() => window.railyard.benchWorkers(300)))
  assert.deepEqual([one.workers, two.workers], [1, 2])
  assert.deepEqual([one.checksum, one.steps], [two.checksum, two.steps])
  assert.ok(one.samples_per_second > 0 && two.samples_per_second > 0)
})
