// The Learn tab: every step by keyboard and by link, what its figures say, lessons that open as they were made.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { violations } from './axe.mjs'
import { desk, phone, settingsOf, stage } from './support.mjs'

const { visit } = stage()

const steps = ['numbers', 'modes', 'core', 'weight', 'rank', 'order', 'prior', 'grid', 'shift', 'rounding', 'gradient', 'ping-pong', 'energy', 'board']

/** Opens a step. */
async function open(t, step, options = {}) {
  const visitor = await visit(t, { hash: `#tab=learn&step=${step}`, ...options })
  await visitor.page.waitForSelector('#lesson-title')
  return visitor
}

const says = (page) => page.locator('.figure-says').textContent()
const title = (page) => page.locator('#lesson-title').textContent()

/** Moves a slider by its identity. */
const slide = (page, id, value) => page.locator(`#${id}`).fill(String(value))

for (const [name, size, colorScheme] of [['desk, light', desk, 'light'], ['desk, dark', desk, 'dark'], ['phone, light', phone, 'light'], ['phone, dark', phone, 'dark']]) {
  test(`axe finds nothing on any step: ${name}`, async (t) => {
    const { page } = await open(t, 'numbers', { size, media: { colorScheme } })
    for (const step of [...steps, 'teachers']) {
      await page.evaluate((step) => (location.hash = `#tab=learn&step=${step}`), step)
      await page.waitForFunction((step) => (step === 'teachers') === (document.querySelector('.lessons') !== null), step)
      await page.waitForTimeout(30)
      assert.deepEqual(await violations(page), [], step)
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      assert.ok(wide <= 0, `${step} is ${wide} px too wide`)
    }
  })
}

test('Space and arrows walk through all steps, and what was read is kept', async (t) => {
  const visitor = await open(t, 'numbers')
  const { page } = visitor
  const titles = [await title(page)]
  for (let k = 1; k < steps.length; k++) {
    await page.keyboard.press(k % 2 ? 'ArrowRight' : 'Space')
    await page.waitForFunction((before) => document.querySelector('#lesson-title').textContent !== before, titles.at(-1))
    titles.push(await title(page))
    assert.equal(await page.evaluate(() => document.activeElement.id), 'lesson-title', 'readers go on from the title')
    assert.match(page.url(), new RegExp(`step=${steps[k]}$`))
  }
  assert.equal(new Set(titles).size, steps.length)
  await page.keyboard.press('ArrowLeft')
  await page.waitForFunction((last) => document.querySelector('#lesson-title').textContent === last, titles.at(-2))
  // A slider keeps its arrows.
  await page.locator('#learn-core-bits').focus()
  await page.keyboard.press('ArrowRight')
  assert.equal(await title(page), titles.at(-2))
  await page.reload()
  await page.waitForSelector('#lesson-title')
  assert.match(await page.locator('.steps .head').textContent(), /14 of 14 read|13 of 14 read/)
})

test('every question has an answer that opens by keyboard', async (t) => {
  const { page } = await open(t, 'numbers')
  for (const step of steps) {
    await page.evaluate((step) => (location.hash = `#tab=learn&step=${step}`), step)
    await page.waitForFunction((place) => document.querySelector('.lesson .num').textContent.startsWith(`Step ${place + 1} of`), steps.indexOf(step))
    await page.locator('.question summary').focus()
    await page.keyboard.press('Enter')
    await page.locator('.question p').waitFor({ state: 'visible' })
  }
  await page.waitForFunction(() => document.querySelector('.steps .head').textContent.includes('14 of 14'))
})

test('figures are computed: each answers to its controls', async (t) => {
  const { page } = await open(t, 'numbers')
  const go = async (step) => {
    await page.evaluate((step) => (location.hash = `#tab=learn&step=${step}`), step)
    await page.waitForFunction((place) => document.querySelector('.lesson .num').textContent.startsWith(`Step ${place + 1} of`), steps.indexOf(step))
  }
  await slide(page, 'learn-outputs', 64)
  assert.match(await says(page), /896 × 1024 = 917,504/)
  await go('weight')
  for (const [row, column] of [[0, 0], [7, 3], [2, 6]]) {
    await slide(page, 'learn-weight-row', row)
    await slide(page, 'learn-weight-column', column)
    const [, product, dense] = (await says(page)).match(/After G3: (\S+); the dense matrix has (\S+) there/)
    assert.equal(product, dense)
  }
  await go('rank')
  const errors = []
  for (const rank of [1, 4, 16]) {
    await slide(page, 'learn-rank', rank)
    errors.push(Number((await says(page)).match(/error ([\d.]+) %/)[1]))
  }
  assert.ok(errors[0] > errors[1] && errors[1] > errors[2] && errors[2] === 0, `${errors}`)
  await go('order')
  await slide(page, 'learn-batch', 0)
  const one = await says(page)
  await slide(page, 'learn-batch', 6)
  assert.notEqual(one.match(/contracts (.*?);/)[1], (await says(page)).match(/contracts (.*?);/)[1])
  await go('prior')
  await page.getByRole('button', { name: 'Train to the end' }).click()
  assert.match(await says(page), /Step 240 of 240: [1-7] of 8 indices alive.*accuracy on other pictures (9\d|100)/)
  await go('grid')
  await slide(page, 'learn-value', 200)
  assert.match(await says(page), /integer 7, which stands for 0.875 \(saturated\)/)
  await go('rounding')
  await slide(page, 'learn-change', 60)
  const [, truncated, nearest, stochastic] = (await says(page)).match(/truncated (\d+), to the nearest (\d+), stochastic (\d+)/).map(Number)
  assert.deepEqual([truncated, nearest], [0, 0])
  assert.ok(Math.abs(stochastic - (300 * 60) / 256) < 25)
  await go('ping-pong')
  const cycles = async () => Number((await says(page)).match(/([\d,]+) cycles/)[1].replaceAll(',', ''))
  const without = await cycles()
  await page.check('#s-buffers-1')
  assert.ok((await cycles()) < without)
})

test('the last step trains on the virtual board, and says nothing of a board before it did', async (t) => {
  const visitor = await open(t, 'board')
  const { page } = visitor
  assert.match(await says(page), /No board is connected/)
  await page.getByRole('button', { name: 'Use the virtual board' }).click()
  await page.getByText('The virtual board is connected; no step was taken yet.').waitFor()
  await page.getByRole('button', { name: 'Train one step on it' }).click()
  await page.getByText(/After step 1 the checksum of all parameters is/).waitFor()
  const { checksum, step } = await visitor.state()
  assert.equal(step, 1)
  assert.ok((await says(page)).includes(checksum))
  assert.deepEqual((await visitor.board()).view.place, { Board: { check: 1 } })
})

test('a number leads to the step that explains it, and the settings stay', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ seed: 41 })
  const { page } = visitor
  await page.locator('.figure', { hasText: 'Parameter memory' }).locator('button.tag').focus()
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Learn about it')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#lesson-title')
  assert.equal(await title(page), 'Rank is the width of the coupling')
  assert.equal(settingsOf(page.url().replace(/&.*/, '')).seed, 41)
})

test('lessons open as they were made, in a fresh profile, with what they hide hidden', async (t) => {
  const { page } = await open(t, 'teachers')
  const links = await page.locator('.lessons h3 a').evaluateAll((links) => links.map((link) => link.getAttribute('href')))
  assert.equal(links.length, 5)
  for (const hash of links) {
    const other = await visit(t, { hash })
    await other.page.waitForSelector('.panel')
    const wanted = new URLSearchParams(hash.slice(1).replace(/^1\.[^&]*&?/, ''))
    assert.equal(await other.page.locator('[role=tab][aria-selected=true]').textContent().then((text) => text.toLowerCase()), wanted.get('tab') ?? 'train')
    const hidden = wanted.get('hide')?.split(',') ?? []
    for (const [name, control] of [['data', '.card.data'], ['precision', '#precision-title'], ['more', '.card.more'], ['files', '.strip .actions'], ['pad', '#pad-title']]) {
      const there = other.page.locator(control)
      if ((await there.count()) > 0) assert.equal(await there.isVisible(), !hidden.includes(name), `${name} of ${hash}`)
    }
    if (hidden.length > 0) {
      await other.press('Show all')
      await other.page.waitForFunction(() => !location.hash.includes('hide='))
    }
  }
})

test('a lesson of one’s own: its link hides what was chosen, and trains to the same checksum elsewhere', async (t) => {
  const media = { permissions: ['clipboard-read', 'clipboard-write'] }
  const visitor = await visit(t, { media })
  await visitor.set({ preset: 'tiny', precision: 'fixed', ranks: 'stay', epochs: 3, seed: 5 })
  const { page } = visitor
  await page.click('#tab-learn')
  await page.getByRole('button', { name: 'For teachers' }).click()
  await page.check('#hide-network')
  await page.check('#hide-more')
  await visitor.press('Copy the lesson’s link')
  await visitor.until((state) => state.notice)
  const link = await page.evaluate(() => navigator.clipboard.readText())
  const hash = new URL(link).hash
  assert.match(hash, /&hide=network,more$/)

  const sums = []
  for (const other of [await visit(t, { hash }), await visit(t, { hash })]) {
    assert.equal(await other.page.locator('#network-title').isVisible(), false)
    assert.equal(await other.page.inputValue('#f-seed'), '5')
    await other.press('Step')
    await other.until((state) => state.step === 1 && state.phase === 'paused')
    await other.press('Train')
    await other.until((state) => state.step >= 200)
    const { step, checksum } = await other.until((state) => state.phase === 'finished')
    sums.push(`${step} ${checksum}`)
  }
  assert.equal(sums[0], sums[1])
})

test('steps and names nobody knows are no harm, however many', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  for (const hash of ['#tab=learn&step=kitchen', '#tab=learn&step=', '#hide=kitchen', `#hide=${'data,'.repeat(50_000)}`, '#' + '&step=rank'.repeat(50_000), '#' + '&'.repeat(200_000)]) {
    await page.evaluate(() => [...document.querySelectorAll('.strip [aria-label^=Dismiss]')].forEach((b) => b.click()))
    const began = Date.now()
    await page.evaluate((hash) => (location.hash = hash), hash)
    await page.waitForTimeout(50)
    await visitor.state()
    assert.ok(Date.now() - began < 5_000, hash.slice(0, 40))
  }
  await page.evaluate(() => (location.hash = '#tab=learn&step=kitchen'))
  await page.waitForSelector('#lesson-title')
  assert.equal(await title(page), 'A weight matrix has too many numbers')
})
