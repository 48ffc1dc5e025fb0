// Train, Pause, Step, Stop, Reset; and a worker that dies.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { commandLine, median, stage } from './support.mjs'

const { visit } = stage()

const tiny = { preset: 'tiny', precision: 'fixed', ranks: 'stay', epochs: 3, seed: 5 }

/** The numbers in the counters: epoch, epochs, step. */
async function counters(page) {
  const [epochs, step, left] = await page.locator('.counters span').allTextContents()
  const [, epoch, all] = epochs.match(/^epoch (\d+) \/ (\d+)$/)
  return { epoch: Number(epoch), all: Number(all), step: Number(step.match(/^step ([\d,]+)$/)[1].replaceAll(',', '')), left }
}

/** Losses of the batches, from the curves. */
async function losses(visitor) {
  const { buffer } = await visitor.download('Curves')
  const [head, ...lines] = buffer.toString().trim().split('\n').map((line) => line.split(','))
  const column = head.indexOf('batch_loss')
  return lines.map((line) => line[column]).filter(Boolean).map(Number)
}

test('training lowers the loss and moves the counters', async (t) => {
  const visitor = await visit(t)
  await visitor.set(tiny)
  await visitor.press('Train')
  await visitor.until((state) => state.epoch === 2)
  const early = await counters(visitor.page)
  await visitor.until((state) => state.phase === 'finished')
  const last = await counters(visitor.page)
  assert.ok(early.step > 0 && early.step < last.step)
  assert.deepEqual(last, { epoch: 3, all: 3, step: 282, left: 'finished' })
  const loss = await losses(visitor)
  assert.equal(loss.length, 282, 'one a step')
  const mean = (values) => values.reduce((sum, value) => sum + value) / values.length
  assert.ok(mean(loss.slice(-50)) < 0.5 * mean(loss.slice(0, 10)), `${mean(loss.slice(0, 10))} to ${mean(loss.slice(-50))}`)
})

test('Pause answers within 100 ms', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ preset: 'paper', precision: 'fixed', ranks: 'stay', epochs: 100 })
  // Steps are counted from here, not from the example's.
  await visitor.press('Reset')
  await visitor.until((state) => state.phase === 'ready')
  const times = []
  for (let round = 0; round < 7; round++) {
    await visitor.press('Train')
    const { step } = await visitor.state()
    await visitor.until((state, step) => state.running && state.step > step, step)
    times.push(
      await visitor.page.evaluate(
        () =>
          new Promise((paused) => {
            const start = performance.now()
            document.getElementById('train').click()
            const look = () => {
              if (JSON.parse(window.railyard.state()).phase === 'paused') paused(performance.now() - start)
              else setTimeout(look, 1)
            }
            look()
          }),
      ),
    )
  }
  t.diagnostic(`click to paused: median ${median(times).toFixed(1)} ms of ${times.map((time) => time.toFixed(1)).join(', ')}`)
  assert.ok(median(times) < 100)
  const { step } = await visitor.state()
  await visitor.page.waitForTimeout(300)
  assert.equal((await visitor.state()).step, step, 'and it stands')
})

test('Step takes one step', async (t) => {
  const visitor = await visit(t)
  await visitor.set(tiny)
  for (let step = 1; step <= 3; step++) {
    await visitor.press('Step')
    const state = await visitor.until((state, step) => state.step === step && state.checksum, step)
    assert.equal(state.phase, 'paused')
    assert.equal((await counters(visitor.page)).step, step)
  }
})

test('Stop ends the run, Reset gives an untrained network, Train begins anew', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ ...tiny, epochs: 100 })
  await visitor.press('Train')
  await visitor.until((state) => state.origin === 'live' && state.step > 20)
  await visitor.press('Stop')
  const stopped = await visitor.until((state) => state.phase === 'stopped' && state.checksum)
  assert.equal((await counters(visitor.page)).left, 'stopped')
  assert.ok(await visitor.page.locator('#stop').isDisabled())
  assert.ok(await visitor.page.locator('#save-checkpoint').isEnabled(), 'the network can still be saved')

  await visitor.press('Reset')
  const reset = await visitor.until((state) => state.phase === 'ready')
  assert.deepEqual([reset.step, reset.epoch], [0, 0])
  assert.notEqual(reset.checksum, stopped.checksum)

  await visitor.press('Step')
  const first = await visitor.until((state) => state.step === 1 && state.checksum)
  await visitor.press('Reset')
  const again = await visitor.until((state) => state.phase === 'ready')
  assert.equal(again.checksum, reset.checksum, 'the same seed, the same start')
  await visitor.press('Step')
  assert.equal((await visitor.until((state) => state.step === 1 && state.checksum)).checksum, first.checksum)
})

test('a worker that dies is replaced, says so, and the run ends with the same bits', async (t) => {
  const visitor = await visit(t)
  await visitor.set(tiny)
  await visitor.press('Train')
  await visitor.until((state) => state.epoch === 2 && state.step > 94)
  await visitor.page.evaluate(() => window.railyard.crashWorker())
  const told = await visitor.until((state) => state.notice)
  assert.match(told.notice, /^The training worker stopped \(.+\) and was restarted from its checkpoint at step \d+\.$/)
  const { checksum } = await visitor.until((state) => state.phase === 'finished')
  const epochs = await commandLine('train', '--data', 'fashion-mnist-subset', '--preset', 'tiny', '--epochs', '3', '--seed', '5')
  assert.equal(checksum, epochs.at(-1).checksum)
  assert.equal((await losses(visitor)).length, 282, 'no step is missing from the curves, none is there twice')
})

test('a worker that dies before its first checkpoint begins again', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ ...tiny, epochs: 1 })
  await visitor.press('Reset')
  await visitor.until((state) => state.phase === 'ready')
  await visitor.page.evaluate(() => window.railyard.crashWorker())
  assert.match((await visitor.until((state) => state.notice)).notice, /at step 0\.$/)
  await visitor.until((state) => state.phase === 'ready')
  const { checksum } = await visitor.train()
  const epochs = await commandLine('train', '--data', 'fashion-mnist-subset', '--preset', 'tiny', '--epochs', '1', '--seed', '5')
  assert.equal(checksum, epochs.at(-1).checksum)
})

test('a worker that dies again and again: the page gives up in a sentence, and Train tries anew', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ ...tiny, epochs: 1 })
  await visitor.press('Step')
  await visitor.until((state) => state.step === 1 && state.checksum)
  for (let death = 1; death <= 3; death++) {
    await visitor.page.evaluate(() => window.railyard.crashWorker())
    await visitor.until((state) => /restarted/.test(state.notice) && state.phase === 'paused')
    await visitor.press('Dismiss this message')
  }
  await visitor.page.evaluate(() => window.railyard.crashWorker())
  const { notice } = await visitor.until((state) => state.phase === 'failed')
  assert.match(notice, /^The training worker keeps stopping \(.+\)\. Change the settings and press Train/)
  assert.equal((await visitor.train()).step, 94)
})

test('settings changed while a run stands do not reach into it', async (t) => {
  const visitor = await visit(t)
  await visitor.set(tiny)
  await visitor.press('Step')
  await visitor.until((state) => state.step === 1 && state.checksum)
  await visitor.set({ seed: 6, epochs: 1 })
  await visitor.page.locator('.strip .says', { hasText: 'Reset to use them' }).waitFor()
  const { checksum } = await visitor.train()
  const epochs = await commandLine('train', '--data', 'fashion-mnist-subset', '--preset', 'tiny', '--epochs', '3', '--seed', '5')
  assert.equal(checksum, epochs.at(-1).checksum, 'the run it was')
  await visitor.press('Reset')
  await visitor.until((state) => state.phase === 'ready')
  assert.equal((await visitor.train()).step, 94, 'the new one')
})

test('transport and counters stand still while training', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  const places = () =>
    page.evaluate(() =>
      [...document.querySelectorAll('.transport button, .figure, .card')].map((element) => {
        const { x, y, width, height } = element.getBoundingClientRect()
        return [x, y, width, height].map(Math.round).join(' ')
      }),
    )
  await visitor.set({ ...tiny, epochs: 1 })
  await visitor.press('Reset')
  await visitor.until((state) => state.phase === 'ready')
  const first = await places()
  await visitor.press('Train')
  await visitor.until((state) => state.origin === 'live' && state.step > 30)
  assert.deepEqual(await places(), first)
  await visitor.until((state) => state.phase === 'finished')
  assert.deepEqual(await places(), first)
})

test('a wrong setting is told beside its field and blocks training', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  const fault = page.locator('#f-batch-fault')
  await visitor.set({ batch: 'many' })
  assert.match(await fault.textContent(), /whole number/)
  await visitor.press('Reset')
  assert.match(await visitor.says(), /whole number/)
  assert.equal((await visitor.state()).phase, 'example', 'nothing was begun')
  await visitor.set({ batch: 5000 })
  assert.match(await fault.textContent(), /1 to 1,024/)
  await visitor.set({ batch: 32 })
  assert.equal(await fault.count(), 0)
})

test('a run that cannot be taken up again is not said to be, and Train answers', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  await visitor.set({ ...tiny, epochs: 1 })
  await visitor.press('Step')
  await visitor.until((state) => state.step === 1 && state.checksum)
  await page.evaluate(() => {
    window.whole = Blob.prototype.arrayBuffer
    Blob.prototype.arrayBuffer = () => Promise.reject(new Error('gone'))
    window.railyard.crashWorker()
  })
  const { notice } = await visitor.until((state) => state.phase === 'stopped')
  assert.match(notice, /^The training worker stopped \(.+\), and its run could not be taken up again: .+/)
  for (const name of ['Train', 'Step']) {
    await visitor.press('Dismiss this message')
    await visitor.press(name)
    assert.match((await visitor.until((state) => state.notice && state.phase === 'stopped')).notice, /could not be read/)
  }
  await page.evaluate(() => (Blob.prototype.arrayBuffer = window.whole))
  assert.equal((await visitor.train()).step, 94)
})
