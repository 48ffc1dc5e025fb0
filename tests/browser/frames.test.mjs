// How fast the worker trains, and that the page stays smooth meanwhile.

import assert from 'node:assert/strict'
import { loadavg } from 'node:os'
import { test } from 'node:test'

import { quantile, stage } from './support.mjs'

const { visit } = stage()

const paper = { preset: 'paper', precision: 'fixed', ranks: 'stay' }

test('an epoch of the subset takes one worker less than 8 seconds, in fixed point', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ ...paper, epochs: 1 })
  // The data are brought first: fetching is not training.
  await visitor.press('Reset')
  await visitor.until((state) => state.phase === 'ready')
  const { seconds, samples } = await visitor.page.evaluate(
    () =>
      new Promise((done) => {
        const start = performance.now()
        let samples = 0
        document.getElementById('train').click()
        const look = () => {
          const state = JSON.parse(window.railyard.state())
          samples = state.samples_per_second || samples
          if (state.phase === 'finished') done({ seconds: (performance.now() - start) / 1000, samples })
          else setTimeout(look, 5)
        }
        look()
      }),
  )
  t.diagnostic(`6,000 images trained on and 1,000 tested in ${seconds.toFixed(2)} s; ${Math.round(samples)} samples/s by the page; load ${loadavg()[0].toFixed(1)}`)
  assert.ok(seconds < 8, `${seconds.toFixed(2)} s`)
})

/** Frame times of the page as it is, median, 95th percentile and longest among them. */
async function frames(visitor, milliseconds) {
  await visitor.page.evaluate(() => window.railyard.frames(true))
  await visitor.page.waitForTimeout(milliseconds)
  const times = await visitor.page.evaluate(() => window.railyard.frames(false))
  const [half, p95, worst] = [0.5, 0.95, 1].map((share) => quantile(times, share))
  return { count: times.length, p95, text: `median ${half.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, longest ${worst.toFixed(1)} ms of ${times.length}` }
}

test('while it trains, 95 frames of 100 come within 20 ms', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ ...paper, epochs: 100 })
  await visitor.press('Reset')
  await visitor.until((state) => state.phase === 'ready')
  const idle = await frames(visitor, 2000)
  await visitor.press('Train')
  await visitor.until((state) => state.origin === 'live' && state.step > 20)
  const busy = await frames(visitor, 5000)
  assert.ok((await visitor.state()).running, 'it trained all the while')
  t.diagnostic(`idle: ${idle.text}; training: ${busy.text}; load ${loadavg()[0].toFixed(1)}`)
  assert.ok(busy.count > 100, `${busy.count} frames in 5 s`)
  // A machine that does not give an idle page 20 ms is busy with other things; then by comparison.
  const overloaded = idle.p95 > 20
  const most = overloaded ? 1.5 * idle.p95 : 20
  if (overloaded) t.diagnostic(`the machine is overloaded: 20 ms were not to be had, compared with 1.5 x the idle p95, ${most.toFixed(1)} ms`)
  assert.ok(busy.p95 < most, `p95 of ${busy.p95.toFixed(1)} ms, idle ${idle.p95.toFixed(1)} ms`)
})
