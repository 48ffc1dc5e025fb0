// The browser's own Web Serial, end to end: the page opens a port that leads to a board's process.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'

import { boardAtPty, hindrance, launchWithPort } from './port.mjs'
import { commandLine, folder, stage } from './support.mjs'

const reason = await hindrance()

if (reason) {
  test('the page and a board behind a serial port', { skip: reason }, () => {})
  console.log(`skipped: no serial port for the browser: ${reason}`)
} else {
  const board = await boardAtPty()
  after(board.end)
  const files = await folder()
  const { visit } = stage({ open: (url) => launchWithPort(board.name, url, files) })

  const tiny = { preset: 'tiny', precision: 'fixed', ranks: 'stay', epochs: 1, batch: 120, seed: 7 }
  const paper = { preset: 'paper', precision: 'fixed', ranks: 'stay', epochs: 1, batch: 64, seed: 3 }

  /** A visitor with these settings who trains on the board at the port. */
  async function onBoard(t, settings) {
    const visitor = await visit(t)
    await visitor.set(settings)
    await visitor.page.click('#tab-board')
    await visitor.untilBoard((board) => board.known_port)
    await visitor.page.click('#board-reconnect')
    await visitor.untilBoard((board) => board.connection === 'open')
    await visitor.page.check('#board-place-board')
    await visitor.untilBoard((board) => board.view.place !== 'Page')
    return visitor
  }

  /** Takes steps one by one. Gives the checksum after the last. */
  async function steps(visitor, count) {
    let checksum
    for (let step = 1; step <= count; step++) {
      await visitor.page.click('#step')
      ;({ checksum } = await visitor.until((state, step) => state.step === step && state.checksum, step))
    }
    return checksum
  }

  test('fifty steps of the tiny preset on the board give the simulator’s checksum', async (t) => {
    const visitor = await onBoard(t, tiny)
    await visitor.page.click('#train')
    const { checksum, step } = await visitor.until((state) => state.phase === 'finished' && state.checksum)
    assert.equal(step, 50)
    const { ranks: _, ...settings } = tiny
    const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
    const epochs = await commandLine('train', '--data', 'fashion-mnist-subset', ...options)
    assert.equal(checksum, epochs.at(-1).checksum)
    const { view } = await visitor.untilBoard((board) => board.view.verified?.[0] === 50)
    assert.equal(view.verified[1], checksum)
    assert.equal(view.times.length, 50)
    await visitor.page.click('#board-disconnect')
    await visitor.untilBoard((board) => board.port === 'closed')
  })

  test('five steps of the paper preset on the board give the simulator’s checksum', async (t) => {
    const visitor = await onBoard(t, paper)
    const checksum = await steps(visitor, 5)
    const other = await visit(t)
    await other.set(paper)
    assert.equal(checksum, await steps(other, 5))
    await visitor.page.click('#board-disconnect')
    await visitor.untilBoard((board) => board.port === 'closed')
  })
}
