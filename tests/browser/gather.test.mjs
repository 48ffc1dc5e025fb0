// A set of one's own made on the page: drawn, or taken with the camera, and trained on.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { launch } from '../../scripts/chromium.mjs'
import { violations } from './axe.mjs'
import { phone, stage } from './support.mjs'

const { visit } = stage({ open: () => launch(['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']) })

/** The dialog, opened. */
async function open(visitor) {
  await visitor.page.click('#make-set')
  const dialog = visitor.page.locator('dialog.gather')
  await dialog.waitFor()
  return dialog
}

const said = (visitor, pattern) => visitor.page.waitForFunction((source) => new RegExp(source).test(document.querySelector('dialog.gather .said').textContent), pattern.source)

/** Draws a stroke on the pad, in shares of its side. */
async function draw(visitor, ...points) {
  const { x, y, width, height } = await visitor.page.locator('dialog.gather canvas').boundingBox()
  const { mouse } = visitor.page
  const place = ([across, down]) => [x + across * width, y + down * height]
  await mouse.move(...place(points[0]))
  await mouse.down()
  for (const point of points.slice(1)) await mouse.move(...place(point), { steps: 4 })
  await mouse.up()
}

test('two classes are drawn, named, trained on, told apart, and outlive a reload', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ preset: 'tiny', precision: 'float', ranks: 'stay', epochs: 30, batch: 8 })
  const dialog = await open(visitor)
  await dialog.getByRole('textbox', { name: 'Name of class 1' }).fill('upright')
  await dialog.getByRole('textbox', { name: 'Name of class 2' }).fill('lying')
  assert.equal(await dialog.locator('#use-set').isDisabled(), true)
  for (let k = 0; k < 8; k++) {

    const at = 0.4 + 0.02 * k
    await draw(visitor, [at, 0.15], [at, 0.85])
    await dialog.getByRole('button', { name: 'Add the picture to upright' }).click()
    await draw(visitor, [0.15, at], [0.85, at])
    await dialog.getByRole('button', { name: 'Add the picture to lying' }).click()
  }
  await said(visitor, /“lying” has 8 pictures/)
  await dialog.locator('#use-set').click()
  await dialog.waitFor({ state: 'detached' })
  const { notice } = await visitor.until((state) => state.notice)
  assert.match(notice, /^16 pictures in 2 classes, made here\.$/)
  const trained = await visitor.train()
  assert.equal(trained.test_accuracy, 1)
  assert.match(await visitor.page.locator('.data-state').textContent(), /14 \+ 2 images, 2 classes/)
  assert.match(await visitor.page.locator('.answer').textContent(), /upright.*lying/s)
  await visitor.page.waitForTimeout(300)
  await visitor.page.reload()
  await visitor.page.waitForFunction(() => window.railyard)
  assert.equal((await visitor.until((state) => state.phase === 'finished')).checksum, trained.checksum, 'kept with its data')
})

test('what was gathered is there when the dialog is opened again, and is taken back step by step', async (t) => {
  const visitor = await visit(t)
  let dialog = await open(visitor)
  await dialog.getByRole('button', { name: 'Add the picture to class 1' }).click()
  await said(visitor, /blank/)
  await draw(visitor, [0.2, 0.2], [0.8, 0.8])
  await dialog.getByRole('button', { name: 'Add the picture to class 1' }).click()
  await said(visitor, /“class 1” has 1 picture\./)
  await dialog.locator('#add-class').click()
  await dialog.getByRole('button', { name: 'Done' }).click()
  dialog = await open(visitor)
  assert.equal(await dialog.locator('.gather-class').count(), 3)
  assert.match(await dialog.textContent(), /Two classes need pictures/)
  await dialog.getByRole('button', { name: 'Undo: take the last picture of class 1 back' }).click()
  assert.match(await dialog.locator('.gather-class').first().textContent(), /0 pictures/)
  await dialog.getByRole('button', { name: 'Add the picture to class 3' }).click()
  await said(visitor, /“class 3” has 1 picture\./)
  await dialog.getByRole('button', { name: 'Remove class 3 with its pictures' }).click()
  assert.equal(await dialog.locator('.gather-class').count(), 2)
})

test('the camera’s picture is added, and the camera goes off with the dialog', async (t) => {
  const visitor = await visit(t, { media: { permissions: ['camera'] } })
  const { page } = visitor
  await page.evaluate(() => {
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
    navigator.mediaDevices.getUserMedia = async (wanted) => (window.stream = await ask(wanted))
  })
  const dialog = await open(visitor)
  await dialog.locator('#camera').click()
  await said(visitor, /The camera is on/)
  const add = dialog.getByRole('button', { name: 'Add the picture to class 1' })
  for (let k = 0; ; k++) {
    await add.click()
    if (/“class 1” has 1 picture/.test(await dialog.locator('.said').textContent())) break
    assert.ok(k < 50, 'a picture came')
    await page.waitForTimeout(100)
  }
  const live = () => page.evaluate(() => window.stream.getTracks().every((track) => track.readyState === 'live'))
  assert.equal(await live(), true)
  await dialog.getByRole('button', { name: 'Done' }).click()
  await dialog.waitFor({ state: 'detached' })
  assert.equal(await live(), false)
})

test('a camera that is allowed once the dialog is gone goes off at once', async (t) => {
  const visitor = await visit(t, { media: { permissions: ['camera'] } })
  const { page } = visitor
  await page.evaluate(() => {
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      await new Promise((resolve) => (window.allow = resolve))
      return (window.stream = await ask(wanted))
    }
  })
  const dialog = await open(visitor)
  await dialog.locator('#camera').click()
  await page.waitForFunction(() => window.allow)
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await page.evaluate(() => window.allow())
  await page.waitForFunction(() => window.stream?.getTracks().every((track) => track.readyState === 'ended'))
})

test('no camera, or none allowed: it is said', async (t) => {
  for (const [name, words] of [
    ['NotAllowedError', /allow it beside the page/],
    ['NotFoundError', /There is no camera/],
  ]) {
    const visitor = await visit(t)
    await visitor.page.evaluate((name) => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', name))
    }, name)
    const dialog = await open(visitor)
    await dialog.locator('#camera').click()
    await said(visitor, words)
  }
})

test('by keyboard alone: drawn, added by a digit, closed', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  await page.focus('#make-set')
  await page.keyboard.press('Enter')
  const dialog = page.locator('dialog.gather')
  await dialog.waitFor()
  await dialog.locator('canvas').focus()
  for (const key of ['ArrowRight', 'Space', 'ArrowDown', 'Space', '2']) await page.keyboard.press(key)
  await said(visitor, /“class 2” has 1 picture\./)
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  assert.equal(await page.evaluate(() => document.activeElement.id), 'make-set')
})

test('accessible, light and dark, at a desk and on a phone', async (t) => {
  for (const media of [{ colorScheme: 'light' }, { colorScheme: 'dark' }]) {
    for (const size of [undefined, phone]) {
      const visitor = await visit(t, { media, ...(size && { size }) })
      if (size) await visitor.press('Settings')
      await open(visitor)
      assert.deepEqual(await violations(visitor.page), [])
      await visitor.page.keyboard.press('Escape')
      if (size) await visitor.press('Done')
      await visitor.page.click('#runs')
      await visitor.page.waitForSelector('dialog.runs .storage')
      assert.deepEqual(await violations(visitor.page), [])
    }
  }
})
