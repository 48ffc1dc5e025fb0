// A tab that nobody looks at goes on training: its worker is not held back as its timers are.

import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'

import { chromium } from 'playwright-core'

import { launch } from '../../scripts/chromium.mjs'
import { Visitor, desk, stage } from './support.mjs'

const site = stage()

/** A port that nobody listens on. */
const freePort = () =>
  new Promise((found) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => found(port))
    })
  })

/** A browser whose tabs can be hidden: the driver otherwise tells each that it is seen. */
async function plainBrowser(t) {
  const port = await freePort()
  const owner = await launch([`--remote-debugging-port=${port}`])
  t.after(() => owner.close())
  const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`, { noDefaults: true })
  t.after(() => browser.close())
  return browser.contexts()[0]
}

test('a hidden tab goes on training, and shows where it is when seen again', async (t) => {
  const tabs = await plainBrowser(t)
  const visitor = new Visitor(await tabs.newPage(), site.url)
  const { page } = visitor
  await page.setViewportSize(desk)
  await page.goto(`${site.url}?testing=1`)
  await page.waitForFunction(() => window.railyard)
  await visitor.idle()
  await visitor.set({ preset: 'tiny', precision: 'fixed', ranks: 'stay', epochs: 1000 })
  await visitor.press('Train')
  // The example's own count must not pass for the run's.
  await visitor.until((state) => state.origin === 'live' && state.running && state.step > 20)

  const other = await tabs.newPage()
  await other.bringToFront()
  // Asked from outside: timers in a hidden page are slowed, which is what this is about.
  while ((await page.evaluate(() => document.visibilityState)) !== 'hidden') await other.waitForTimeout(20)
  const hidden = await visitor.state()
  await other.waitForTimeout(2500)
  const later = await visitor.state()
  t.diagnostic(`${later.step - hidden.step} steps in 2.5 s unseen`)
  assert.ok(later.step - hidden.step > 100, `from step ${hidden.step} to ${later.step}`)
  assert.equal(later.phase, 'running')

  await page.bringToFront()
  await visitor.press('Pause')
  const { step } = await visitor.until((state) => state.phase === 'paused')
  await page.waitForFunction((step) => document.querySelector('.counters').textContent.replaceAll(',', '').includes(`step ${step}`), step)
  assert.deepEqual(visitor.faults, [])
})
