// The timeline of the Accelerator tab: by keys, mouse, search and table, and that it stays smooth.

import assert from 'node:assert/strict'
import { loadavg } from 'node:os'
import { test } from 'node:test'

import { phone, quantile, stage } from './support.mjs'

const { visit } = stage()

const rows = 'canvas.timeline-rows'

/** Opens the tab; gives the visitor and how long the timeline took to be there. */
async function open(t, options) {
  const visitor = await visit(t, options)
  const { page } = visitor
  const milliseconds = await page.evaluate(
    (rows) =>
      new Promise((done) => {
        const start = performance.now()
        document.getElementById('tab-accelerator').click()
        // A canvas takes its size when it is drawn.
        const look = () => {
          const canvas = document.querySelector(rows)
          if (canvas && canvas.width === Math.round(canvas.clientWidth * devicePixelRatio)) done(performance.now() - start)
          else requestAnimationFrame(look)
        }
        look()
      }),
    rows,
  )
  await settled(page)
  return { visitor, page, milliseconds }
}

const shown = (page) => page.evaluate(() => JSON.parse(window.railyard.timeline()))

/** Waits until the window stands still and the panels have followed it. */
async function settled(page) {
  await page.waitForFunction(() => {
    const timeline = JSON.parse(window.railyard.timeline())
    return timeline && !timeline.moving
  })
  await page.waitForTimeout(200)
  return shown(page)
}

/** Presses a key several times, each after the frame that shows the one before. */
async function press(page, key, times = 1) {
  for (let k = 0; k < times; k++) await page.keyboard.press(key)
  return settled(page)
}

const length = ({ range }) => range[1] - range[0]

/** Where the cycles of the picture begin and how wide they are, by the names' width at this size. */
async function plot(page) {
  const box = await page.locator(rows).boundingBox()
  const left = box.width >= 640 ? 186 : 86
  return { left: box.x + left, width: box.width - left, top: box.y, height: box.height }
}

test('an epoch of more than 1e9 cycles opens at once and by keys goes down to one cycle and back', async (t) => {
  // Opened once, so that the address has the published machine; then as a visitor with that link opens it.
  const first = await open(t)
  await first.page.check('#s-machine-0')
  await first.visitor.settled()
  const hash = new URL(first.page.url()).hash.replace('tab=accelerator', 'tab=train')
  const { page, milliseconds } = await open(t, { hash })
  const whole = await shown(page)
  t.diagnostic(`${whole.cycles.toLocaleString('en')} cycles open in ${milliseconds.toFixed(0)} ms`)
  assert.ok(milliseconds < 2000, `${milliseconds} ms`)
  assert.ok(whole.cycles >= 1e9, `${whole.cycles} cycles`)
  assert.deepEqual(whole.range, [0, whole.cycles])
  await page.focus(rows)
  const near = await press(page, 'KeyW', 50)
  assert.ok(length(near) <= 2, `${length(near)} cycles are left`)
  const back = await press(page, 'KeyS', 50)
  assert.deepEqual(back.range, [0, whole.cycles])
  await press(page, '+', 3)
  assert.deepEqual((await press(page, '0')).range, [0, whole.cycles])
})

test('A and D and the arrows pan, Ctrl and the wheel zoom at the pointer', async (t) => {
  const { page } = await open(t)
  await page.focus(rows)
  const here = await press(page, 'KeyW', 10)
  const right = await press(page, 'KeyD', 2)
  assert.ok(right.range[0] > here.range[0])
  assert.ok(Math.abs(length(right) - length(here)) <= 1)
  const left = await press(page, 'ArrowLeft', 2)
  assert.ok(Math.abs(left.range[0] - here.range[0]) <= 1)
  const { left: x, width, top } = await plot(page)
  await page.mouse.move(x + width * 0.75, top + 200)
  const before = await settled(page)
  await page.keyboard.down('Control')
  await page.mouse.wheel(0, -200)
  await page.keyboard.up('Control')
  const after = await settled(page)
  assert.ok(length(after) < length(before))
  const at = (state) => state.range[0] + 0.75 * length(state)
  assert.ok(Math.abs(at(after) - at(before)) < 0.01 * length(before), 'the cycle under the pointer stays')
  const scale = await page.evaluate(() => window.visualViewport.scale)
  assert.equal(scale, 1, 'the page itself is not zoomed')
})

test('a drag selects a range whose shares add up', async (t) => {
  const { page } = await open(t)
  await page.focus(rows)
  await press(page, 'KeyW', 14)
  const { left, width, top } = await plot(page)
  await page.mouse.move(left + 0.2 * width, top + 200)
  await page.mouse.down()
  await page.mouse.move(left + 0.7 * width, top + 200, { steps: 5 })
  await page.mouse.up()
  const state = await settled(page)
  const [from, upto] = state.selection
  assert.ok(Math.abs((upto - from) / length(state) - 0.5) < 0.01)
  const title = await page.locator('.timeline .sums h3').innerText()
  assert.ok(title.startsWith('Selected:') && title.includes((upto - from).toLocaleString('en')), title)
  const table = await page.locator('.timeline .sums tbody tr').evaluateAll((rows) =>
    rows.map((row) => [...row.querySelectorAll('td.num')].map((cell) => parseFloat(cell.textContent) || 0)),
  )
  assert.equal(table.length, state.tracks.length)
  for (const shares of table) {
    const sum = shares.reduce((a, b) => a + b, 0)
    // Seven shares rounded to a tenth of a percent.
    assert.ok(Math.abs(sum - 100) < 0.4, `${shares}`)
  }
  const fitted = await press(page, 'KeyF')
  assert.ok(fitted.range[0] <= from && fitted.range[1] >= upto && length(fitted) < 1.2 * (upto - from))
  assert.equal((await press(page, 'Escape')).selection, null)
})

test('the tracks are walked slice by slice, and a slice says what it is', async (t) => {
  const { page } = await open(t)
  await page.focus(rows)
  await press(page, 'KeyW', 20)
  const track = await press(page, 'ArrowDown', 3)
  assert.equal(track.track, track.tracks[5])
  const first = await press(page, '.')
  assert.ok(first.slice, 'there is work on the track')
  const second = await press(page, '.')
  assert.ok(second.slice.start >= first.slice.end)
  assert.ok(second.range[0] <= second.slice.start && second.slice.start < second.range[1], 'it is in sight')
  assert.deepEqual((await press(page, ',')).slice, first.slice)
  const slice = page.locator('.timeline .slice')
  assert.equal(await slice.locator('h3').innerText(), first.slice.op)
  const facts = await slice.innerText()
  for (const word of [first.slice.cause, 'step', 'beats', track.track]) assert.ok(facts.includes(word), `${word}: ${facts}`)
  const spoken = await page.locator('.timeline div[role=status]').innerText()
  assert.ok(spoken.includes(first.slice.op) && spoken.includes(track.track), spoken)
  assert.equal((await press(page, 'Escape')).slice, null)
})

test('a search jumps to an operation', async (t) => {
  const { page } = await open(t)
  await page.focus(rows)
  await press(page, 'KeyW', 16)
  await page.keyboard.press('/')
  assert.equal(await page.evaluate(() => document.activeElement.id), 'timeline-search')
  await page.keyboard.type('fc1')
  const hits = page.locator('.timeline .hits button')
  await hits.first().waitFor()
  const name = (await hits.first().innerText()).split('\n')[0].trim()
  assert.ok(name.includes('fc1'))
  await page.keyboard.press('Enter')
  const state = await settled(page)
  assert.ok(state.range[0] <= state.selection[0] && state.selection[1] <= state.range[1])
  const picked = await press(page, 'Enter')
  if (picked.slice) assert.equal(picked.slice.op, name)
  await page.keyboard.press('/')
  await page.keyboard.type('no such operation')
  await page.getByText('No operation of this step').waitFor()
  await page.keyboard.press('Escape')
  assert.equal(await page.locator('.timeline .hits').count(), 0)
})

test('two markers say how far they are apart', async (t) => {
  const { page } = await open(t)
  await page.focus(rows)
  await press(page, 'KeyW', 12)
  const { left, width, top } = await plot(page)
  await page.mouse.move(left + 0.25 * width, top + 100)
  await press(page, 'KeyM')
  await page.mouse.move(left + 0.5 * width, top + 100)
  const { markers } = await press(page, 'KeyM')
  assert.equal(markers.length, 2)
  const text = await page.locator('#timeline-range').innerText()
  assert.ok(text.includes((markers[1] - markers[0]).toLocaleString('en')), text)
  assert.equal((await press(page, 'KeyM')).markers.length, 2, 'a third takes the place of the first')
  assert.deepEqual((await press(page, 'Escape')).markers, [])
})

test('the picture is described and its table follows it', async (t) => {
  const { page } = await open(t)
  const canvas = page.locator(rows)
  assert.ok((await canvas.getAttribute('aria-label')).length > 20)
  assert.equal(await canvas.getAttribute('tabindex'), '0')
  for (const id of (await canvas.getAttribute('aria-describedby')).split(' ')) {
    assert.equal(await page.locator(`#${id}`).count(), 1, id)
  }
  await page.click('.timeline .seen summary')
  const table = page.locator('#timeline-table')
  const { tracks } = await shown(page)
  assert.equal(await table.locator('tbody tr').count(), tracks.length)
  await page.focus(rows)
  const state = await press(page, 'KeyW', 36)
  const heads = await table.locator('thead th').allInnerTexts()
  assert.ok(heads.includes('Operation'), heads)
  const cells = await table.locator('tbody tr').evaluateAll((rows) =>
    rows.map((row) => [...row.children].map((cell) => cell.textContent)),
  )
  assert.ok(cells.length > 0 && cells.length <= 200)
  for (const [track, operation, , cause, start, end, cycles] of cells) {
    assert.ok(tracks.includes(track) && operation && cause)
    assert.equal(Number(end) - Number(start), Number(cycles))
    assert.ok(Number(start) < state.range[1] && Number(end) > state.range[0])
  }
})

test('what is seen can be saved', async (t) => {
  const { visitor, page } = await open(t)
  const csv = (await visitor.download('CSV')).buffer.toString().trim().split('\n')
  const { cycles, tracks } = await shown(page)
  assert.equal(csv.length, tracks.length + 1)
  for (const line of csv.slice(1)) {
    const counts = line.split(',').slice(1).map(Number)
    assert.equal(counts.reduce((a, b) => a + b, 0), cycles, line)
  }
  const svg = (await visitor.download('SVG')).buffer.toString()
  const sound = await page.evaluate((text) => {
    const file = new DOMParser().parseFromString(text, 'image/svg+xml')
    return !file.querySelector('parsererror') && file.querySelectorAll('rect').length > 100
  }, svg)
  assert.ok(sound, svg.slice(0, 300))
  const png = (await visitor.download('PNG')).buffer
  assert.deepEqual([...png.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47])
})

test('traces of what is seen or selected can be saved; of too much, it says what would fit', async (t) => {
  const { visitor, page } = await open(t)
  await page.getByRole('button', { name: 'Chrome', exact: true }).click()
  await page.locator('#timeline-said', { hasText: /^No file was written: the range has [\d,]+ cycles.*choose at most [\d,]+ cycles/ }).waitFor()
  await page.focus(rows)
  const { range } = await press(page, 'KeyW', 24)
  const { traceEvents } = JSON.parse((await visitor.download('Chrome')).buffer.toString())
  const slices = traceEvents.filter((event) => event.ph === 'X')
  assert.ok(slices.length > 10)
  for (const { ts, dur } of slices) assert.ok(ts >= range[0] && ts + dur <= range[1])
  const perfetto = (await visitor.download('Perfetto')).buffer
  assert.equal(perfetto[0], 0x0a, 'a packet of a trace')
  assert.match((await visitor.download('VCD')).buffer.toString(), /^[^]*\$enddefinitions \$end/)
  assert.match((await visitor.download('Kanata')).buffer.toString(), /^Kanata\t0004\n/)
  await page.locator('#timeline-said', { hasText: /^$/ }).waitFor({ state: 'attached' })
})

test('with reduced motion a zoom is there in the next frame', async (t) => {
  const { page } = await open(t, { media: { reducedMotion: 'reduce' } })
  await page.focus(rows)
  await page.keyboard.press('KeyW')
  const { moving, range, cycles } = await shown(page)
  assert.equal(moving, false)
  assert.ok(range[1] - range[0] < 0.7 * cycles)
})

test('the keys are listed, and Escape takes the list away', async (t) => {
  const { page } = await open(t)
  await page.focus(rows)
  await page.keyboard.press('?')
  await page.locator('.timeline .keys').waitFor()
  await page.keyboard.press('Escape')
  await page.locator('.timeline .keys').waitFor({ state: 'detached' })
})

test('on a phone a finger pans, two zoom, and the page does not widen', async (t) => {
  const { page } = await open(t, { size: phone, media: { hasTouch: true, isMobile: true } })
  await page.focus(rows)
  const before = await press(page, 'KeyW', 8)
  await page.locator(rows).scrollIntoViewIfNeeded()
  const { left, width, top } = await plot(page)
  const client = await page.context().newCDPSession(page)
  const touch = (type, ...shares) =>
    client.send('Input.dispatchTouchEvent', { type, touchPoints: shares.map((share, id) => ({ x: left + share * width, y: top + 60, id })) })
  await touch('touchStart', 0.8)
  for (const share of [0.7, 0.5, 0.3]) await touch('touchMove', share)
  await touch('touchEnd')
  const after = await settled(page)
  assert.ok(after.range[0] > before.range[0] + 0.2 * length(before), `${before.range} ${after.range}`)
  assert.equal(after.selection, null)
  await touch('touchStart', 0.45, 0.55)
  for (const half of [0.1, 0.15, 0.2]) await touch('touchMove', 0.5 - half, 0.5 + half)
  await touch('touchEnd')
  const pinched = await settled(page)
  assert.ok(length(pinched) < 0.4 * length(after), `${length(after)} to ${length(pinched)} cycles`)
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
})

/** Frame times while something is done. */
async function frames(page, act) {
  await page.evaluate(() => window.railyard.frames(true))
  await act()
  const times = await page.evaluate(() => window.railyard.frames(false))
  const [half, p95, worst] = [0.5, 0.95, 1].map((share) => quantile(times, share))
  return { count: times.length, p95, text: `median ${half.toFixed(1)}, p95 ${p95.toFixed(1)}, longest ${worst.toFixed(1)} ms of ${times.length}` }
}

test('while it zooms and pans, 95 frames of 100 come within 20 ms', async (t) => {
  const { page } = await open(t)
  await page.focus(rows)
  const idle = await frames(page, () => page.waitForTimeout(1500))
  const keys = async (key, times) => {
    for (let k = 0; k < times; k++) {
      await page.keyboard.press(key)
      await page.waitForTimeout(50)
    }
  }
  // Of three rounds the best: what other programs take of the machine comes and goes.
  let busy
  for (let round = 0; round < 3 && !(busy?.p95 < 20); round++) {
    const now = await frames(page, async () => {
      await keys('KeyW', 16)
      await keys('KeyD', 30)
      await keys('KeyW', 12)
      await keys('KeyA', 30)
      await keys('KeyS', 30)
    })
    t.diagnostic(`idle: ${idle.text}; zooming and panning: ${now.text}; load ${loadavg()[0].toFixed(1)}`)
    if (!(busy?.p95 < now.p95)) busy = now
  }
  assert.ok(busy.count > 200, `${busy.count} frames`)
  // A machine that does not give an idle page 20 ms is busy with other things; then by comparison.
  const overloaded = idle.p95 > 20
  const most = overloaded ? 1.5 * idle.p95 : 20
  if (overloaded) t.diagnostic(`the machine is overloaded: compared with 1.5 x the idle p95, ${most.toFixed(1)} ms`)
  assert.ok(busy.p95 < most, `p95 of ${busy.p95.toFixed(1)} ms, idle ${idle.p95.toFixed(1)} ms`)
})
