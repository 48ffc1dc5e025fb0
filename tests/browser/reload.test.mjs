// A run outlives a reload, a closed page and a full disk, and ends as if nothing had happened.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { stage } from './support.mjs'

const { visit } = stage()

const settings = (precision) => ({ preset: 'tiny', precision, ranks: 'stay', epochs: 12, seed: 6 })

/** The checksum of a run that nothing interrupts. */
async function whole(t, precision) {
  const visitor = await visit(t)
  await visitor.set(settings(precision))
  return (await visitor.train()).checksum
}

/** Trains until some epochs are over, and waits until that is kept. */
async function underway(t, precision = 'fixed', options = {}) {
  const visitor = await visit(t, options)
  await visitor.set(settings(precision))
  await visitor.press('Train')
  await visitor.until((state) => state.origin === 'live' && state.epoch >= 3)
  await visitor.page.waitForTimeout(100)
  return visitor
}

/** Waits until the page stands again after a reload. */
const again = (visitor) => visitor.page.waitForFunction(() => window.railyard)

for (const precision of ['fixed', 'float']) {
  test(`reloaded while it trains, a run goes on and ends the same: ${precision}`, async (t) => {
    const expected = await whole(t, precision)
    const visitor = await underway(t, precision)
    await visitor.page.reload()
    visitor.faults.length = 0
    await again(visitor)
    const { notice } = await visitor.until((state) => state.notice)
    const step = Number(notice.match(/taken up again at step ([\d,]+)/)[1].replaceAll(',', ''))
    assert.ok(step >= 2 * 94, notice)
    const { checksum, epoch } = await visitor.until((state) => state.phase === 'finished')
    assert.deepEqual([checksum, epoch], [expected, 12])
    const points = await visitor.page.locator('#chart-table tbody tr').count()
    assert.equal(points, 12, 'the curves are whole')
  })
}

test('a page that is closed and opened anew goes on where it was', async (t) => {
  const expected = await whole(t, 'fixed')
  const visitor = await underway(t)
  const other = await visitor.page.context().newPage()
  await visitor.page.close()
  visitor.faults.length = 0
  await other.goto(`${visitor.url}?testing=1`)
  visitor.page = other
  await again(visitor)
  assert.equal((await visitor.until((state) => state.phase === 'finished')).checksum, expected)
})

test('a paused run stands at the same step, with the same bits', async (t) => {
  const visitor = await underway(t)
  await visitor.press('Pause')
  const before = await visitor.until((state) => state.phase === 'paused')
  await visitor.page.waitForTimeout(200)
  await visitor.page.reload()
  await again(visitor)
  const after = await visitor.until((state) => state.phase === 'paused')
  assert.deepEqual([after.step, after.checksum], [before.step, before.checksum])
})

test('killed worker after a reload: the same end', async (t) => {
  const expected = await whole(t, 'fixed')
  const visitor = await underway(t)
  await visitor.page.reload()
  visitor.faults.length = 0
  await again(visitor)
  await visitor.until((state) => state.phase === 'running')
  await visitor.page.evaluate(() => window.railyard.crashWorker())
  const { checksum } = await visitor.until((state) => state.phase === 'finished')
  visitor.faults.length = 0
  assert.equal(checksum, expected)
})

test('no room left: it is said, and the run ends the same', async (t) => {
  const expected = await whole(t, 'fixed')
  const full = () => {
    IDBObjectStore.prototype.put = () => {
      throw new DOMException('full', 'QuotaExceededError')
    }
  }
  const visitor = await visit(t, { script: full })
  await visitor.set(settings('fixed'))
  await visitor.press('Train')
  const { notice } = await visitor.until((state) => state.notice)
  assert.match(notice, /no room left .* press Save/)
  assert.equal((await visitor.until((state) => state.phase === 'finished')).checksum, expected)
})

test('a browser that keeps nothing trains all the same', async (t) => {
  const closed = () => Object.defineProperty(window, 'indexedDB', { value: undefined })
  const visitor = await visit(t, { script: closed })
  await visitor.set({ preset: 'tiny', epochs: 1 })
  assert.equal((await visitor.train()).step, 94)
})

test('a second page neither takes the run nor overwrites it', async (t) => {
  const visitor = await underway(t)
  await visitor.press('Pause')
  const { step } = await visitor.until((state) => state.phase === 'paused')
  const second = await visitor.page.context().newPage()
  await second.goto(`${visitor.url}?testing=1`)
  await second.waitForFunction(() => window.railyard)
  await second.evaluate(() => window.railyard.idle())
  assert.equal(JSON.parse(await second.evaluate(() => window.railyard.state())).phase, 'example')
  await second.click('#step')
  await second.waitForFunction(() => JSON.parse(window.railyard.state()).step === 1)
  await second.close()
  await visitor.page.reload()
  await again(visitor)
  assert.equal((await visitor.until((state) => state.phase === 'paused')).step, step)
})

test('a link that asks for other settings is followed, and Reset forgets the run', async (t) => {
  const visitor = await underway(t)
  await visitor.press('Pause')
  await visitor.until((state) => state.phase === 'paused')
  await visitor.page.waitForTimeout(200)
  await visitor.page.goto('about:blank')
  await visitor.page.goto(`${visitor.url}?testing=1#tab=accelerator`)
  await again(visitor)
  await visitor.until((state) => state.phase === 'paused')
  await visitor.page.click('#reset')
  await visitor.until((state) => state.phase === 'ready')
  await visitor.page.waitForTimeout(200)
  await visitor.page.goto('about:blank')
  await visitor.page.goto(`${visitor.url}?testing=1`)
  await again(visitor)
  await visitor.until((state) => state.phase === 'example')
})
