// The part of the page's program that only other tabs need: fetched when one of them is opened, not before.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { stage } from './support.mjs'

const { visit } = stage()
const part = /railyard-page-[0-9a-f]+_later\.wasm$/

/** Counts requests of the part. */
const counting = (asked) => (page) => page.on('request', (request) => part.test(request.url()) && asked.push(request.url()))

test('a visit that trains, steps, draws and saves does without it', async (t) => {
  const asked = []
  const visitor = await visit(t, { prepare: counting(asked) })
  await visitor.set({ preset: 'tiny', epochs: 1 })
  await visitor.press('Step')
  await visitor.until((state) => state.step === 1)
  await visitor.train()
  await visitor.download('Save')
  await visitor.page.locator('.pad canvas').click()
  await visitor.idle()
  assert.deepEqual(asked, [])
  await visitor.page.click('#tab-accelerator')
  await visitor.page.waitForSelector('#timeline-title')
  await visitor.page.click('#tab-board')
  await visitor.page.waitForSelector('.panel.board')
  assert.equal(asked.length, 1, 'once for all tabs')
})

test('a connection that fails is told, and can be tried again', async (t) => {
  let cut = true
  const prepare = (page) => page.route(part, (route) => (cut ? route.abort() : route.continue()))
  const visitor = await visit(t, { prepare })
  await visitor.page.click('#tab-accelerator')
  await visitor.page.getByText('This tab was not fetched').waitFor()
  await visitor.page.click('#tab-train')
  await visitor.page.waitForSelector('.panel.train')
  await visitor.page.click('#tab-accelerator')
  cut = false
  await visitor.press('Try again')
  await visitor.page.waitForSelector('#timeline-title')
  visitor.expect(/_later\.wasm/, /net::ERR_FAILED/)
})

test('a board that is connected in the worker brings it there too', async (t) => {
  const visitor = await visit(t, { hash: '#tab=board' })
  await visitor.page.waitForSelector('.panel.board')
  await visitor.press('Use the virtual board')
  await visitor.untilBoard((board) => board.connection === 'open')
})
