// The first screen shows a finished run before anything is pressed.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { stage } from './support.mjs'

const { visit } = stage()

/** How many different colours a canvas shows: 1 where nothing was drawn. */
const colours = (canvas) =>
  canvas.evaluate((element) => {
    const { data } = element.getContext('2d').getImageData(0, 0, element.width, element.height)
    return new Set(new Uint32Array(data.buffer)).size
  })

test('a recorded run is drawn and called one, without a click', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  const state = await visitor.state()
  assert.equal(state.phase, 'example')
  assert.equal(state.origin, 'example')
  assert.ok(state.test_accuracy > 0.8, `${state.test_accuracy} right`)
  assert.equal(await page.locator('.strip .state').textContent(), 'Example run')
  assert.match(await page.locator('.strip .says').textContent(), /recorded, \d+ epochs/)

  for (const name of ['canvas.plot', 'canvas.cars']) {
    await page.waitForFunction((name) => document.querySelector(name).width > 300, name)
    assert.ok((await colours(page.locator(name))) > 20, `${name} is drawn`)
  }
  assert.equal(await page.locator('#chart-table tbody tr').count(), state.epoch)
  const figures = await page.locator('.figures .value').allTextContents()
  assert.equal(figures.length, 4)
  for (const figure of figures) assert.match(figure, /\d/)
  assert.ok((await page.locator('.samples .sample').count()) >= 10)
  assert.ok(await page.getByRole('button', { name: 'Train', exact: true }).isEnabled())
})

test('the whole story is on one screen', async (t) => {
  const { page } = await visit(t)
  const size = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight])
  assert.deepEqual(size, [1440, 900], 'nothing to scroll to at 1440 x 900')
})

test('the example plays once and then stands finished', async (t) => {
  const visitor = await visit(t, { search: '', wait: false })
  await visitor.until((state) => state.phase === 'example')
  const first = await visitor.state()
  const last = await visitor.idle()
  assert.ok(first.epoch < last.epoch, `from epoch ${first.epoch} to ${last.epoch}`)
  assert.equal(last.phase, 'example')
})
