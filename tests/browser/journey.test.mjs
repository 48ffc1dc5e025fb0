// The page by keyboard alone: train, pause, read the timeline, connect the virtual board, finish Learn.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { violations } from './axe.mjs'
import { desk, phone, stage } from './support.mjs'

const { visit } = stage()

/** Presses Tab until the focus is where `wanted` says; fails if it never comes there. */
async function tabTo(page, wanted, limit = 150) {
  for (let k = 0; k < limit; k++) {
    await page.keyboard.press('Tab')
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, wanted)) return
  }
  assert.fail(`Tab never comes to ${wanted}`)
}

/** Goes to a tab of the page by its arrow keys. */
async function openTab(page, name) {
  await page.evaluate(() => document.activeElement?.blur())
  await tabTo(page, '[role=tab][aria-selected=true]')
  await page.keyboard.press('Home')
  for (let k = 0; k < 6; k++) {
    if (await page.evaluate((name) => document.activeElement.id === `tab-${name}`, name)) return
    await page.keyboard.press('ArrowRight')
  }
  assert.fail(`no tab ${name}`)
}

test('a whole journey by keyboard alone', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor

  // Train, and pause.
  await tabTo(page, '#train')
  await page.keyboard.press('Enter')
  await visitor.until((state) => state.phase === 'running' && state.step > 5)
  await page.keyboard.press('Enter')
  const { step } = await visitor.until((state) => state.phase === 'paused')
  assert.ok(step > 5)
  await tabTo(page, '#step')
  await page.keyboard.press('Space')
  await visitor.until((state, step) => state.step === step + 1, step)

  // Read the timeline.
  await openTab(page, 'accelerator')
  await page.waitForSelector('#timeline-title')
  await tabTo(page, '.timeline-rows')
  const whole = await page.locator('#timeline-range').textContent()
  for (const key of ['KeyW', 'KeyW', 'KeyW', 'KeyD', 'Period']) await page.keyboard.press(key)
  await page.waitForFunction((whole) => document.querySelector('#timeline-range').textContent !== whole, whole)

  // The virtual board takes the run's next step.
  await openTab(page, 'board')
  await page.waitForSelector('.panel.board')
  await tabTo(page, '.rail button:not([disabled])')
  for (let k = 0; k < 40; k++) {
    if (await page.evaluate(() => document.activeElement.textContent.trim() === 'Use the virtual board')) break
    await page.keyboard.press('Tab')
  }
  await page.keyboard.press('Enter')
  await visitor.untilBoard((board) => board.connection === 'open')

  // Learn to its end, each question answered.
  await openTab(page, 'learn')
  await page.waitForSelector('#lesson-title')
  for (let place = 0; place < 14; place++) {
    await page.waitForFunction((place) => document.querySelector('.lesson .num').textContent === `Step ${place + 1} of 14`, place)
    await tabTo(page, '.question summary')
    await page.keyboard.press('Enter')
    await page.locator('.question p').waitFor({ state: 'visible' })
    if (place < 13) {
      await tabTo(page, '#learn-on')
      await page.keyboard.press('Enter')
    }
  }
  await page.waitForFunction(() => document.querySelector('.steps .head').textContent.includes('14 of 14 read'))
})

for (const [name, size, colorScheme] of [['desk, light', desk, 'light'], ['desk, dark', desk, 'dark'], ['phone, light', phone, 'light'], ['phone, dark', phone, 'dark']]) {
  test(`axe finds nothing on any tab, and every canvas has a name and a table: ${name}`, async (t) => {
    const visitor = await visit(t, { size, media: { colorScheme } })
    const { page } = visitor
    for (const [tab, sign] of [['train', '#chart-title'], ['accelerator', '#timeline-title'], ['board', '.panel.board .card'], ['compare', '#methods-table'], ['learn', '#lesson-title']]) {
      await page.click(`#tab-${tab}`)
      await page.waitForSelector(sign)
      await page.waitForTimeout(100)
      assert.deepEqual(await violations(page), [], tab)
      const bare = await page.evaluate(() =>
        [...document.querySelectorAll('canvas')]
          .filter((canvas) => {
            const hidden = canvas.closest('[aria-hidden=true]') !== null
            const named = canvas.hasAttribute('role') && (canvas.getAttribute('aria-label') ?? canvas.getAttribute('aria-labelledby'))
            const ids = (canvas.getAttribute('aria-describedby') ?? '').split(' ').filter(Boolean)
            return !hidden && !(named && ids.length > 0 && ids.every((id) => document.getElementById(id)))
          })
          .map((canvas) => canvas.outerHTML),
      )
      assert.deepEqual(bare, [], `canvases of ${tab}`)
    }
  })
}
