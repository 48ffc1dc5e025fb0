// Everything can be reached without a mouse, without colour, without motion, and on a phone.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { violations } from './axe.mjs'
import { desk, phone, stage } from './support.mjs'

const { visit } = stage()

/** Marks what the keyboard should reach (of radio buttons, the one chosen) and gives their names. */
const controls = (page, within = 'body') =>
  page.evaluate((within) => {
    const wanted = [...document.querySelector(within).querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')].filter(
      (element) =>
        element.checkVisibility({ visibilityProperty: true }) &&
        !element.disabled &&
        element.tabIndex >= 0 &&
        (element.type !== 'radio' || element.checked),
    )
    wanted.forEach((element, k) => (element.dataset.reach = String(k)))
    return wanted.map((element) => element.id || element.getAttribute('aria-label') || element.textContent.trim() || element.outerHTML)
  }, within)

/** Presses Tab until it comes round, and gives the marks that had the focus, in order. */
async function tabs(page, most) {
  const seen = []
  for (let k = 0; k < most; k++) {
    await page.keyboard.press('Tab')
    const mark = await page.evaluate(() => {
      const { activeElement } = document
      const chosen = activeElement.type === 'radio' ? document.querySelector(`input[name="${activeElement.name}"]:checked`) : activeElement
      return chosen?.dataset.reach
    })
    if (mark !== undefined && seen.includes(mark)) break
    if (mark !== undefined) seen.push(mark)
  }
  return seen
}

for (const [name, size] of Object.entries({ desk, phone })) {
  test(`Tab reaches every control, in the order of the page: ${name}`, async (t) => {
    const { page } = await visit(t, { size })
    const wanted = await controls(page)
    assert.ok(wanted.length > 30 || size === phone, `${wanted.length} controls`)
    const seen = await tabs(page, 2 * wanted.length)
    assert.deepEqual(wanted.filter((_, k) => !seen.includes(String(k))), [], 'none is left out')
    assert.deepEqual(seen, seen.toSorted((a, b) => a - b), 'none is out of order')
  })
}

test('the focus can be seen on every control', async (t) => {
  const { page } = await visit(t)
  const count = (await controls(page)).length
  for (let k = 0; k < count; k++) {
    await page.keyboard.press('Tab')
    const bare = await page.evaluate(() => {
      const { activeElement } = document
      const near = [activeElement, activeElement.nextElementSibling, activeElement.parentElement].filter(Boolean)
      const marked = near.some((element) => {
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element)
        return (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0) || boxShadow !== 'none'
      })
      return marked ? '' : activeElement.outerHTML
    })
    assert.equal(bare, '')
  }
})

test('the settings sheet takes the keyboard, keeps it, and gives it back', async (t) => {
  const visitor = await visit(t, { size: phone })
  const { page } = visitor
  await page.focus('#settings')
  await page.keyboard.press('Enter')
  await page.locator('dialog.settings[open]').waitFor()
  const wanted = await controls(page, 'dialog.settings')
  assert.ok(wanted.length > 20, `${wanted.length} controls`)
  const seen = await tabs(page, 2 * wanted.length)
  assert.deepEqual(wanted.filter((_, k) => !seen.includes(String(k))), [])
  await page.keyboard.press('Escape')
  await page.locator('dialog.settings').waitFor({ state: 'hidden' })
  assert.equal(await page.evaluate(() => document.activeElement.id), 'settings')
})

test('a run by keyboard alone: settings, Train by Enter, Pause by Space, Step', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  /** Tab to the control with this identity. */
  const go = async (id) => {
    for (let k = 0; k < 120; k++) {
      if ((await page.evaluate(() => document.activeElement.id)) === id) return
      await page.keyboard.press('Tab')
    }
    assert.fail(`Tab does not come to ${id}`)
  }
  await go('s-network-0')
  await page.keyboard.press('ArrowRight')
  assert.ok(await page.isChecked('#s-network-1'), 'the tiny preset')
  await go('f-epochs')
  await page.keyboard.press('ControlOrMeta+A')
  await page.keyboard.type('500')
  await visitor.settled()
  await go('train')
  await page.keyboard.press('Enter')
  await visitor.until((state) => state.running && state.step > 5)
  assert.equal(await page.evaluate(() => document.activeElement.id), 'train', 'the focus stays where it was')
  await page.keyboard.press('Space')
  const { step } = await visitor.until((state) => state.phase === 'paused')
  await go('step')
  await page.keyboard.press('Space')
  await visitor.until((state, step) => state.step === step + 1 && state.checksum, step)
})

test('every canvas has a role, a name and its figures in words', async (t) => {
  const { page } = await visit(t)
  const canvases = await page.evaluate(() =>
    [...document.querySelectorAll('canvas')].map((canvas) => {
      const button = canvas.closest('button')
      const described = document.getElementById(canvas.getAttribute('aria-describedby'))
      return {
        class: canvas.className,
        decoration: canvas.getAttribute('aria-hidden') === 'true' && Boolean(button?.getAttribute('aria-label')),
        role: canvas.getAttribute('role'),
        name: canvas.getAttribute('aria-label'),
        rows: described?.querySelectorAll('tbody tr').length ?? 0,
        words: described?.textContent.trim() ?? '',
      }
    }),
  )
  for (const canvas of canvases.filter((canvas) => !canvas.decoration)) {
    const which = JSON.stringify(canvas)
    assert.ok(canvas.role && canvas.name, which)
    // What is drawn has a table; the pad is drawn on, and has its answer in words.
    assert.ok(canvas.role === 'application' ? canvas.words : canvas.rows > 0, which)
  }
  assert.deepEqual(canvases.filter((canvas) => !canvas.decoration).map((canvas) => canvas.class).sort(), ['cars layers-2', 'plot', 'sheet-canvas'])
})

test('the chart and the pad are worked by keyboard', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  await page.focus('canvas.plot')
  await page.keyboard.press('ArrowRight')
  await page.locator('.readout', { hasText: /^epoch 1 · train [\d.]+ % · test [\d.]+ %/ }).waitFor()
  await page.keyboard.press('End')
  await page.locator('.readout', { hasText: `epoch ${(await visitor.state()).epoch} ·` }).waitFor()
  await page.keyboard.press('Escape')
  await page.locator('.readout', { hasText: /^$/ }).waitFor({ state: 'attached' })

  await visitor.set({ preset: 'tiny', epochs: 1 })
  await visitor.train()
  await page.getByRole('button', { name: 'Clear' }).click()
  await page.focus('canvas.sheet-canvas')
  for (const key of ['Space', 'ArrowDown', 'Space', 'ArrowDown', 'Space']) await page.keyboard.press(key)
  await page.locator('#pad-says', { hasText: /^.+, [\d.]+ %$/ }).waitFor()
})

for (const [name, size] of Object.entries({ desk, phone })) {
  for (const colorScheme of ['light', 'dark']) {
    test(`axe finds nothing serious: ${name}, ${colorScheme}`, async (t) => {
      const visitor = await visit(t, { size, media: { colorScheme } })
      const { page } = visitor
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), colorScheme)
      assert.deepEqual(await violations(page), [], 'the example')
      if (size === phone) {
        await page.click('#settings')
        assert.deepEqual(await violations(page), [], 'the settings sheet')
        await visitor.set({ preset: 'tiny', epochs: 'many' })
        assert.deepEqual(await violations(page), [], 'the sheet with a fault')
        await visitor.set({ epochs: 1 })
        await visitor.press('Done')
      } else {
        const unfold = (open) => page.evaluate((open) => document.querySelectorAll('details').forEach((details) => (details.open = open)), open)
        await unfold(true)
        assert.deepEqual(await violations(page), [], 'everything unfolded')
        await visitor.set({ preset: 'tiny', epochs: 'many' })
        assert.deepEqual(await violations(page), [], 'with a fault')
        await visitor.set({ epochs: 1 })
        await unfold(false)
      }
      await visitor.train()
      assert.deepEqual(await violations(page), [], 'a finished run')
    })
  }
}

test('who asked for less motion sees none', async (t) => {
  const visitor = await visit(t, { search: '', media: { reducedMotion: 'reduce' }, wait: false })
  const { page } = visitor
  const first = await visitor.until((state) => state.phase === 'example')
  const last = await visitor.idle()
  assert.equal(first.epoch, last.epoch, 'the example does not play')
  await visitor.set({ preset: 'tiny', epochs: 2 })
  await visitor.press('Train')
  await visitor.until((state) => state.origin === 'live' && state.step > 20)
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0)
  const lively = await page.evaluate(() =>
    [...document.querySelectorAll('*')]
      .filter((element) => {
        const { transitionDuration, animationName } = getComputedStyle(element)
        return transitionDuration.split(', ').some((time) => Number.parseFloat(time) > 0) || animationName !== 'none'
      })
      .map((element) => element.className),
  )
  assert.deepEqual(lively, [])
  await visitor.until((state) => state.phase === 'finished')
})

test('at 390 pixels nothing has to be moved sideways', async (t) => {
  const visitor = await visit(t, { size: phone })
  const { page } = visitor
  const outside = () =>
    page.evaluate(() => {
      const scrolls = (element) => element && (/auto|scroll|hidden|clip/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement))
      const wide = [...document.querySelectorAll('body *')].filter(
        (element) => element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 0.5 && !scrolls(element.parentElement),
      )
      return { width: document.documentElement.scrollWidth, wide: wide.map((element) => element.outerHTML.slice(0, 120)) }
    })
  assert.deepEqual(await outside(), { width: 390, wide: [] }, 'the example')
  await page.click('#settings')
  await visitor.set({ preset: 'tiny', epochs: 1, ranks: 'target', rounding: 'nearest' })
  assert.deepEqual(await outside(), { width: 390, wide: [] }, 'the settings')
  await visitor.press('Done')
  await visitor.train()
  assert.deepEqual(await outside(), { width: 390, wide: [] }, 'a run')
})

/** Connects the virtual board, trains a little on it, flips a bit and compares every word. */
async function ride(visitor, size) {
  const { page } = visitor
  const controls = async (work) => {
    if (size === phone) await page.click('#settings')
    await work()
    if (size === phone) await visitor.press('Done')
  }
  await page.click('#tab-train')
  await controls(() => visitor.set({ preset: 'tiny', precision: 'fixed', epochs: 1 }))
  await page.click('#tab-board')
  await controls(async () => {
    await page.selectOption('#f-board-paced', { label: 'it can' })
    await page.click('#board-virtual')
    await visitor.untilBoard((board) => board.connection === 'open')
    await page.click('#board-place-board')
    await visitor.untilBoard((board) => board.view.place !== 'Page')
  })
  await visitor.press('Step')
  await visitor.until((state) => state.step === 1 && state.checksum)
  await controls(() => page.click('#board-upset'))
  await page.click('#board-verify')
  await visitor.untilBoard((board) => board.comparison)
}

for (const [name, size] of Object.entries({ desk, phone })) {
  test(`Tab reaches every control of the Board tab: ${name}`, async (t) => {
    const visitor = await visit(t, { size, hash: '#tab=board' })
    const { page } = visitor
    const look = async (least) => {
      const wanted = await controls(page)
      assert.ok(wanted.length > least || size === phone, `${wanted.length} controls`)
      await page.focus('.skip')
      const seen = await tabs(page, 2 * wanted.length)
      assert.deepEqual(wanted.filter((_, k) => k > 0 && !seen.includes(String(k))), [], 'none is left out')
    }
    await look(30)
    await ride(visitor, size)
    await look(33)
  })

  for (const colorScheme of ['light', 'dark']) {
    test(`axe finds nothing serious on the Board tab: ${name}, ${colorScheme}`, async (t) => {
      const visitor = await visit(t, { size, hash: '#tab=board', media: { colorScheme } })
      const { page } = visitor
      const look = async (what) => {
        assert.deepEqual(await violations(page), [], what)
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), size.width, 'nothing has to be moved sideways')
      }
      await look('nothing is connected')
      await ride(visitor, size)
      await look('a comparison with differences')
      await page.evaluate(() => document.querySelectorAll('#panel details').forEach((details) => (details.open = true)))
      await look('tables open')
      if (size === phone) {
        await page.click('#settings')
        await page.click('details.more > summary')
        await page.fill('#f-line-drop', '90')
        await look('the sheet with a fault')
      }
    })
  }
}

test('the console is worked by keyboard, with its history', async (t) => {
  const visitor = await visit(t, { hash: '#tab=board' })
  const { page } = visitor
  await page.focus('#board-virtual')
  await page.keyboard.press('Enter')
  await visitor.untilBoard((board) => board.connection === 'open')
  await page.focus('#board-console')
  for (const command of ['help', 'counters']) {
    await page.keyboard.type(command)
    await page.keyboard.press('Enter')
    assert.equal(await page.inputValue('#board-console'), '')
  }
  await page.locator('#board-answers .answered', { hasText: 'damaged' }).waitFor()
  for (const [key, shown] of [['ArrowUp', 'counters'], ['ArrowUp', 'help'], ['ArrowUp', 'help'], ['ArrowDown', 'counters'], ['ArrowDown', '']]) {
    await page.keyboard.press(key)
    assert.equal(await page.inputValue('#board-console'), shown)
  }
  assert.equal(await page.evaluate(() => document.activeElement.id), 'board-console')
})

test('the list of frames is held still and followed again', async (t) => {
  const visitor = await visit(t, { hash: '#tab=board' })
  const { page } = visitor
  await page.click('#board-virtual')
  await page.uncheck('#board-quiet')
  // Heartbeats go on for as long as the board is connected.
  const rows = async () => Number(await page.getAttribute('#board-frames', 'aria-rowcount'))
  await visitor.untilBoard((board) => board.frames > 20)
  await page.focus('#board-log-stop')
  await page.keyboard.press('Enter')
  const held = await rows()
  const { frames } = await visitor.board()
  await visitor.untilBoard((board, frames) => board.frames > frames + 4, frames)
  assert.equal(await rows(), held)
  await page.keyboard.press('Enter')
  await page.waitForFunction((held) => Number(document.querySelector('#board-frames').getAttribute('aria-rowcount')) > held, held)
  assert.equal(await page.evaluate(() => document.activeElement.id), 'board-log-stop')
})

test('the theme is remembered', async (t) => {
  const { page } = await visit(t, { media: { colorScheme: 'light' } })
  const theme = () => page.getAttribute('html', 'data-theme')
  await page.click('#theme')
  await page.click('#theme')
  assert.equal(await theme(), 'dark')
  await page.reload()
  await page.waitForFunction(() => window.railyard)
  assert.equal(await theme(), 'dark')
})

test('where numbers come from can be read by keyboard and put away', async (t) => {
  const { page } = await visit(t)
  await page.focus('.figure:nth-child(2) .tag')
  const tip = page.locator('.figure:nth-child(2) .tip-text')
  assert.ok(await tip.isVisible())
  assert.match(await tip.textContent(), /Counted: [\d,]+ ÷ [\d,]+ bits/)
  await page.keyboard.press('Escape')
  assert.ok(!(await tip.isVisible()))
})

test('the pad answers a test image and a drawing by keyboard', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  await visitor.set({ preset: 'tiny' })
  await visitor.press('Step')
  await visitor.until((state) => state.step === 1 && state.checksum)
  const answer = page.locator('.answer .top')
  await page.locator('.sample').first().focus()
  await page.keyboard.press('Enter')
  await answer.waitFor()
  await visitor.press('Clear')
  await answer.waitFor({ state: 'detached' })
  await page.focus('canvas.sheet-canvas')
  for (const key of ['ArrowDown', 'Space', 'ArrowRight', 'Space']) await page.keyboard.press(key)
  await answer.waitFor()
})
