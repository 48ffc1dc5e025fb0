// The board link in the page: the virtual board, a board behind a stand-in of the browser's serial
// ports, and what happens when either is lost.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { withBoard } from './port.mjs'
import { commandLine, stage } from './support.mjs'

const { visit } = stage()

const tiny = { preset: 'tiny', precision: 'fixed', ranks: 'stay', epochs: 2, batch: 120, seed: 7 }

/** The checksum that the command line ends with. */
async function native({ ranks: _, ...settings } = tiny) {
  const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const epochs = await commandLine('train', '--data', 'fashion-mnist-subset', ...options)
  return epochs.at(-1).checksum
}

/** A visitor on the Board tab with these settings. */
async function atBoard(t, { settings = tiny, ...options } = {}) {
  const visitor = await visit(t, options)
  await visitor.set(settings)
  await visitor.page.click('#tab-board')
  // At a line's own speed the images alone would take a minute.
  await visitor.page.selectOption('#f-line-baud', { label: 'no limit' })
  return visitor
}

/** A visitor who is connected to a board and trains there from now on. */
async function onBoard(t, { button = '#board-virtual', ...options } = {}) {
  const visitor = await atBoard(t, options)
  await visitor.page.click(button)
  await visitor.untilBoard((board) => board.connection === 'open')
  await visitor.page.check('#board-place-board')
  await visitor.untilBoard((board) => board.view.place !== 'Page')
  return visitor
}

const train = (visitor) => visitor.page.click('#train')

/** Trains until some steps are taken, not all. */
async function underWay(visitor) {
  await train(visitor)
  await visitor.until((state) => state.running && state.origin === 'live' && state.step > 12)
}

const finished = (visitor) => visitor.until((state) => state.phase === 'finished' && state.checksum)

/** Waits until the board is given up. Gives what the page says. */
async function lost(t, visitor, act) {
  const waited = await visitor.page.evaluate((act) => {
    const start = performance.now()
    ;(0, eval)(act)
    return new Promise((told) => {
      const look = () => {
        if (JSON.parse(window.railyard.board()).connection === 'lost') told(performance.now() - start)
        else setTimeout(look, 5)
      }
      look()
    })
  }, act)
  t.diagnostic(`lost after ${waited.toFixed(0)} ms`)
  const state = await visitor.until((state) => state.phase === 'paused' && state.checksum)
  assert.ok(state.notice.includes(state.checksum), state.notice)
  assert.match(state.notice, new RegExp(`stands at step ${state.step} with`))
  assert.ok(await visitor.page.locator('#train').isEnabled())
  return state
}

test('a run on the virtual board has the curves and the end of one in the page', async (t) => {
  const visitor = await onBoard(t)
  await train(visitor)
  const { checksum, step } = await finished(visitor)
  assert.equal(checksum, await native())
  const { view, frames } = await visitor.untilBoard(
    (board, step) => board.view.verified?.[0] === step && board.view.activity === 'Idle',
    step,
  )
  assert.equal(view.verified[1], checksum)
  assert.ok(frames > 0)
  assert.ok(view.times.length > 1)
  await visitor.page.click('#tab-train')
  const { buffer } = await visitor.download('Curves')
  assert.equal(buffer.toString().trim().split('\n').length, 101, 'a line for each step under the names')
})

test('Pause and Step stand on the board, and the parameters may be read back only now and then', async (t) => {
  const visitor = await onBoard(t)
  const checks = await visitor.page.locator('#board-check option').evaluateAll((options) => options.map((o) => o.value))
  await visitor.page.selectOption('#board-check', checks.at(-1))
  await underWay(visitor)
  await visitor.page.click('#train')
  const paused = await visitor.until((state) => state.phase === 'paused' && state.checksum)
  assert.ok(paused.step < 100, `paused at step ${paused.step}`)
  await visitor.page.click('#step')
  await visitor.until((state, step) => state.step === step && state.checksum, paused.step + 1)
  await train(visitor)
  assert.equal((await finished(visitor)).checksum, await native())
})

test('a pulled cable: the run stands, and goes on on the board once it is plugged in', async (t) => {
  const visitor = await onBoard(t)
  await underWay(visitor)
  await lost(t, visitor, `document.getElementById('board-cable').click()`)
  await visitor.page.click('#board-cable')
  await visitor.untilBoard((board) => board.connection === 'open' && board.view.place !== 'Page')
  await train(visitor)
  assert.equal((await finished(visitor)).checksum, await native())
})

test('a pulled cable: the run goes on in the page', async (t) => {
  const visitor = await onBoard(t)
  await underWay(visitor)
  await lost(t, visitor, `document.getElementById('board-cable').click()`)
  await train(visitor)
  assert.equal((await finished(visitor)).checksum, await native())
  assert.equal((await visitor.board()).view.place, 'Page')
})

test('a worker that dies leaves the board, says so, and the run goes on in the page', async (t) => {
  const visitor = await onBoard(t)
  await underWay(visitor)
  await visitor.page.evaluate(() => window.railyard.crashWorker())
  const { notice } = await visitor.until((state) => state.notice)
  assert.match(notice, /restarted from its checkpoint .* connection to the board ended/)
  assert.equal((await visitor.board()).connection, 'off')
  await visitor.until((state) => !['preparing'].includes(state.phase))
  if ((await visitor.state()).phase !== 'running') await train(visitor)
  assert.equal((await finished(visitor)).checksum, await native())
})

test('a flipped bit is found by Verify', async (t) => {
  const visitor = await onBoard(t)
  await visitor.page.click('#step')
  await visitor.until((state) => state.step === 1 && state.checksum)
  await visitor.page.click('#board-verify')
  const equal = await visitor.untilBoard((board) => board.comparison && !board.verifying)
  assert.deepEqual([equal.comparison.differences, equal.comparison.step], [0, 2])
  await visitor.page.click('#board-upset')
  await visitor.page.click('#board-verify')
  const { comparison } = await visitor.untilBoard((board) => board.comparison.differences > 0)
  assert.equal(comparison.differences, 1)
  assert.notEqual(comparison.board, comparison.simulator)
})

test('the log is saved and its board answers again', async (t) => {
  const visitor = await onBoard(t)
  const coming = visitor.page.waitForEvent('download')
  await visitor.page.click('#board-log-save')
  const download = await coming
  const parts = []
  for await (const part of await download.createReadStream()) parts.push(part)
  const buffer = Buffer.concat(parts)
  assert.match(buffer.toString(), /^\{"format":"railyard-board-log"/)
  const opening = visitor.page.waitForEvent('filechooser')
  await visitor.page.click('#board-log-open')
  await (await opening).setFiles([{ name: 'a.jsonl', mimeType: 'application/jsonl', buffer }])
  const board = await visitor.untilBoard((board) => board.connection === 'open' && board.view.baud === 0)
  assert.ok(board.view.capabilities)
})

test('without Web Serial the tab says so and the virtual board works', async (t) => {
  const script = () => Object.defineProperty(navigator, 'serial', { value: undefined, configurable: true })
  const visitor = await atBoard(t, { script })
  assert.equal((await visitor.board()).port, 'missing(missing)')
  assert.ok(await visitor.page.locator('#board-connect').isDisabled())
  assert.match(await visitor.page.textContent('#board-missing'), /no Web Serial/)
  await visitor.page.click('#board-virtual')
  await visitor.untilBoard((board) => board.connection === 'open')
})

test('a list of ports closed without a choice is no fault, and help is offered', async (t) => {
  const visitor = await atBoard(t, withBoard(t))
  await visitor.page.evaluate(() => (window.dismiss = true))
  await visitor.page.click('#board-connect')
  await visitor.untilBoard((board) => board.port === 'dismissed')
  assert.equal(await visitor.says(), undefined)
  await visitor.page.locator('#board-help').waitFor()
})

test('a port that does not open says what may be the matter', async (t) => {
  const visitor = await atBoard(t, withBoard(t))
  await visitor.page.evaluate(() => (window.standIn.refusal = 'Failed to open serial port.'))
  await visitor.page.click('#board-connect')
  assert.match((await visitor.until((state) => state.notice)).notice, /could not be opened \(Failed to open/)
  assert.equal((await visitor.board()).connection, 'off')
})

test('a board at a port trains to the same end, over faults of the line', async (t) => {
  const visitor = await onBoard(t, { button: '#board-connect', ...withBoard(t) })
  assert.deepEqual(await visitor.page.evaluate(() => window.standIn.options), { baudRate: 1_000_000, bufferSize: 65_536 })
  await underWay(visitor)
  for (const fault of ['FramingError', 'BufferOverrunError', 'ParityError', 'BreakError']) {
    await visitor.page.evaluate((fault) => window.standIn.fault(fault), fault)
    await visitor.page.waitForTimeout(50)
  }
  assert.equal((await finished(visitor)).checksum, await native())
})

for (const [how, act] of Object.entries({
  'is pulled out': 'window.standIn.vanish()',
  'dies without a word': 'window.standIn.vanish({ quietly: true })',
  hangs: 'window.standIn.deaf = true',
})) {
  test(`a port that ${how}: the run stands, and goes on once the port is there again`, async (t) => {
    const visitor = await onBoard(t, { button: '#board-connect', ...withBoard(t) })
    await underWay(visitor)
    await lost(t, visitor, act)
    await visitor.page.evaluate(() => {
      window.standIn.deaf = false
      window.standIn.granted = true
      navigator.serial.dispatchEvent(new Event('connect'))
    })
    await visitor.untilBoard((board) => board.known_port)
    await visitor.page.click('#board-reconnect')
    await visitor.untilBoard((board) => board.connection === 'open' && board.view.place !== 'Page')
    await train(visitor)
    assert.equal((await finished(visitor)).checksum, await native())
  })
}

test('Disconnect lets the port go', async (t) => {
  const visitor = await onBoard(t, { button: '#board-connect', ...withBoard(t) })
  await visitor.page.click('#board-disconnect')
  await visitor.untilBoard((board) => board.connection === 'off' && board.port === 'closed')
  await visitor.page.waitForFunction(() => window.standIn.readable === null)
  await visitor.page.click('#board-reconnect')
  await visitor.untilBoard((board) => board.connection === 'open')
})
