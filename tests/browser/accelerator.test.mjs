// The Accelerator tab: the training step timed on a machine that can be changed.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { loadavg } from 'node:os'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'

import { desk, phone, quantile, settingsOf, stage } from './support.mjs'

const { visit } = stage()
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** What the page says of the run on the machine. */
const timed = async (visitor) => JSON.parse(await visitor.page.evaluate(() => window.railyard.accelerator()))

/** Opens the page with the tab in its address. */
const open = (t, options) => visit(t, { hash: '#tab=accelerator', ...options })

/** The whole numbers of a text, their thousands grouped or not. */
const numbers = (text) => [...text.matchAll(/\d[\d,]*/g)].map(([number]) => Number(number.replaceAll(',', '')))

/** Fills a field of the machine. */
const fill = (page, field, value) => page.fill(`#f-${field.replaceAll('.', '-')}`, String(value))

/** Chooses in a selection of the machine. */
const select = (page, field, label) => page.locator(`#f-${field.replaceAll('.', '-')}`).selectOption({ label })

test('the tab opens by click, by keyboard and by link, and the address keeps it', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  await page.click('#tab-accelerator')
  await page.locator('#operations-table').waitFor()
  assert.equal(new URL(page.url()).hash, '#tab=accelerator')
  assert.equal(await page.getAttribute('#tab-accelerator', 'aria-selected'), 'true')
  assert.equal(await page.getAttribute('#panel', 'aria-labelledby'), 'tab-accelerator')

  await page.keyboard.press('ArrowLeft')
  await page.locator('canvas.plot').waitFor()
  assert.equal(await page.evaluate(() => document.activeElement.id), 'tab-train')
  assert.equal(new URL(page.url()).hash, '')
  await visitor.set({ preset: 'tiny', epochs: 3 })
  await page.focus('#tab-train')
  await page.keyboard.press('ArrowRight')
  await page.locator('#operations-table').waitFor()
  const { hash } = new URL(page.url())
  assert.match(hash, /^#1\.[\w-]+&tab=accelerator$/)

  const other = await visit(t, { hash })
  await other.page.locator('#operations-table').waitFor()
  await other.page.click('#tab-train')
  assert.equal(await other.page.inputValue('#f-epochs'), '3')
  assert.equal(settingsOf(other.page.url()).epochs, 3, 'a link without the tab')
})

test('a tab nobody knows is Train, and the settings beside it are used', async (t) => {
  const first = await visit(t)
  await first.set({ epochs: 4 })
  const { hash } = new URL(first.page.url())
  const visitor = await visit(t, { hash: `${hash}&tab=kitchen` })
  assert.equal(await visitor.page.getAttribute('#tab-train', 'aria-selected'), 'true')
  assert.equal(await visitor.page.inputValue('#f-epochs'), '4')
  assert.equal(await visitor.says(), undefined)
})

test('a link carries the machine, and says so if there can be no such machine', async (t) => {
  const visitor = await open(t)
  const { page } = visitor
  await page.check('#s-machine-0')
  await fill(page, 'rows', 12)
  await select(page, 'device', 'Zynq 7020')
  const { machine, step_cycles } = await timed(visitor)
  const { hash } = new URL(page.url())
  assert.match(hash, /^#tab=accelerator&machine=[\w-]+$/)
  const other = await visit(t, { hash })
  assert.deepEqual(await timed(other), await timed(visitor))
  assert.deepEqual([machine.rows, machine.device], [12, 'zynq7020'])
  assert.equal((await timed(other)).step_cycles, step_cycles)

  const written = (patch) => deflateRawSync(JSON.stringify(patch)).toString('base64url')
  for (const patch of [{ machine: { lanes: 0 } }, { machine: { colour: 'red' } }, { bits: [0, 8, 16] }, { schedule: 'kitchen' }]) {
    const bad = await visit(t, { hash: `#tab=accelerator&machine=${written(patch)}` })
    assert.match((await bad.says()) ?? '', /^The link's settings were not used: [^]+\.$/)
    assert.equal((await timed(bad)).machine.lanes, 16)
  }
})

test('training goes on while tabs are changed, and the transport stays where it is', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  await visitor.set({ preset: 'tiny', epochs: 500 })
  await visitor.press('Train')
  const { step } = await visitor.until((state) => state.running && state.step > 5)
  const before = await page.locator('#train').boundingBox()
  await page.click('#tab-accelerator')
  await page.locator('#operations-title').scrollIntoViewIfNeeded()
  assert.deepEqual(await page.locator('#train').boundingBox(), before)
  assert.equal(await page.evaluate(() => scrollY), 0, 'only the tab scrolls')
  await visitor.until((state, step) => state.running && state.step > step + 20, step)
  await visitor.press('Pause')
  await visitor.until((state) => state.phase === 'paused')
})

test('figures follow machine, schedule and bits', async (t) => {
  const visitor = await open(t)
  const { page } = visitor
  const shown = async () => {
    const told = await timed(visitor)
    const [cycles] = numbers(await page.locator('.figure', { hasText: 'Cycles per sample' }).locator('.value').textContent())
    assert.equal(cycles, told.cycles_per_sample, 'what is shown is what is')
    return told
  }
  const timeline = async () => JSON.parse(await page.evaluate(() => window.railyard.timeline())).cycles
  const [streamlined, fewer] = [await shown(), await timeline()]
  await page.check('#s-machine-0')
  const published = await shown()
  const more = await timeline()
  assert.ok(Math.abs(more / fewer / (published.step_cycles / streamlined.step_cycles) - 1) < 0.05, 'the timeline follows')
  assert.equal(published.machine.name, 'published')
  assert.ok(published.step_cycles > streamlined.step_cycles, 'little overlap takes longer')
  await select(page, 'accel.schedule', 'paper')
  const paper = await shown()
  assert.equal(paper.schedule, 'paper')
  assert.notEqual(paper.step_cycles, published.step_cycles)
  await fill(page, 'rows', 16)
  const wider = await shown()
  assert.ok(wider.step_cycles < paper.step_cycles, 'more rows take less time')
  assert.ok(wider.utilisation > 0 && wider.utilisation < 1)
  // Widths change no cycle on chip, but they do in external memory.
  await select(page, 'memory', 'external')
  const narrow = await shown()
  await select(page, 'accel.bits', '32')
  assert.ok((await shown()).step_cycles > narrow.step_cycles)
})

test('a machine that cannot be is told beside its field, and the last one stays', async (t) => {
  const visitor = await open(t)
  const { page } = visitor
  const { step_cycles } = await timed(visitor)
  for (const [field, value, says] of [
    ['lanes', '0', /0 is not accepted; choose 1 to 256/],
    ['rows', 'many', /Write a whole number, such as 8/],
    ['clock_mhz', '9999', /9999 is not accepted; choose 1 to 2000 MHz/],
    ['ports.width', '300', /300 is not accepted; choose 1 to 256/],
  ]) {
    const input = `#f-${field.replaceAll('.', '-')}`
    const old = await page.inputValue(input)
    await page.fill(input, value)
    assert.match(await page.locator(`${input}-fault`).textContent(), says)
    assert.equal(await page.getAttribute(input, 'aria-invalid'), 'true')
    assert.equal((await timed(visitor)).step_cycles, step_cycles, field)
    await page.fill(input, old)
    await page.locator(`${input}-fault`).waitFor({ state: 'detached' })
  }
  await fill(page, 'accel.efficiency', 0)
  assert.match(await page.locator('#f-accel-efficiency-fault').textContent(), /choose a share of the peak above 0/)
})

test('every cycle has one cause, and the operations make up the step', async (t) => {
  const visitor = await open(t)
  const { page } = visitor
  const { step_cycles } = await timed(visitor)
  const rows = await page.locator('#stalls-table tbody tr').evaluateAll((rows) => rows.map((row) => [...row.cells].slice(1).map((cell) => Number(cell.textContent.replaceAll(',', '')))))
  assert.equal(rows.length, 9)
  for (const row of rows) {
    const [sum] = row.slice(-2)
    assert.equal(row.slice(0, -2).reduce((a, b) => a + b), sum)
    assert.equal(sum, step_cycles)
  }
  const csv = await visitor.download('Operations as CSV')
  const [head, ...lines] = csv.buffer.toString().trim().split('\n').map((line) => line.match(/"[^"]*"|[^,]+/g))
  const [cycles, runs] = ['cycles', 'runs'].map((name) => head.indexOf(name))
  assert.ok(lines.every((line) => line.length === head.length))
  assert.equal(lines.reduce((sum, line) => sum + line[cycles] * line[runs], 0), step_cycles)
  const json = JSON.parse((await visitor.download('Operations as JSON')).buffer)
  assert.equal(json.operations.length, lines.length)
  assert.equal(json.cycles_per_step, step_cycles)
})

test('the timeline shows one step, this epoch, or the whole run', async (t) => {
  const visitor = await open(t)
  const { page } = visitor
  const title = page.locator('.cycles h2')
  const cycles = async () => numbers(await page.locator('.cycles canvas[aria-label*="cycles."]').first().getAttribute('aria-label'))
  for (const [k, says] of [
    [0, 'One step'],
    [2, 'Whole run, 18760 steps'],
    [1, 'Epoch 20, 938 steps'],
  ]) {
    await page.check(`#s-timeline-of-${k}`)
    await title.filter({ hasText: says }).waitFor()
  }
  const { step_cycles } = await timed(visitor)
  await page.click('text="Whole"')
  assert.ok((await cycles()).includes(938 * step_cycles), `${await cycles()}`)
})

test('an element is looked at by click and by Enter', async (t) => {
  const visitor = await open(t)
  const { page } = visitor
  const detail = page.locator('.detail')
  await page.getByRole('button', { name: /^PE1, busy/ }).click()
  await detail.locator('h3', { hasText: 'PE1' }).waitFor()
  assert.ok((await detail.locator('tbody tr').count()) > 2)
  await page.getByRole('button', { name: /^Accumulators, / }).focus()
  await page.keyboard.press('Enter')
  await detail.locator('h3', { hasText: 'Accumulators' }).waitFor()
  assert.match(await detail.textContent(), /words/)
})

test('a program that does not fit ECP5 25F says which buffer overflows and by how many blocks', async (t) => {
  const visitor = await open(t)
  const { page } = visitor
  await select(page, 'device', 'ECP5 25F')
  assert.equal((await timed(visitor)).fits, false)
  const says = await page.locator('#fit-says').textContent()
  assert.match(says, /\(.+\) does not fit the block RAM: all memories take \d+ blocks, \d+ more than the 56 of Lattice ECP5 LFE5U-25F\./)
  const [used] = numbers(await page.locator('.gauges tr', { hasText: 'block RAM' }).locator('td').last().textContent())
  assert.ok(says.includes(`take ${used} blocks, ${used - 56} more`), says)
  const map = await page.locator('#memory-map tr.group td:last-child').evaluateAll((cells) => cells.map((cell) => Number(cell.textContent) || 0))
  assert.equal(map.reduce((a, b) => a + b), used, 'the memory map adds up')
})

test('A over B: the differences are those of the two machines', async (t) => {
  const visitor = await open(t)
  const { page } = visitor
  await page.click('#keep-b')
  const b = await timed(visitor)
  await page.check('#s-machine-0')
  const a = await timed(visitor)
  assert.equal(a.b_step_cycles, b.step_cycles)
  const row = page.locator('#versus-table tr', { has: page.locator('th', { hasText: /^cycles per step$/ }) }).locator('td')
  const [first, second, change] = await row.allTextContents()
  assert.deepEqual([first, second].flatMap(numbers), [a.step_cycles, b.step_cycles])
  assert.equal(change, `+${((a.step_cycles / b.step_cycles - 1) * 100).toFixed(1)} %`)
  await page.click('#swap-b')
  const swapped = await timed(visitor)
  assert.deepEqual([swapped.step_cycles, swapped.b_step_cycles], [b.step_cycles, a.step_cycles])
  assert.ok(await page.isChecked('#s-machine-2'), 'the settings are those of A')
  await page.click('#forget-b')
  await page.locator('#versus-table').waitFor({ state: 'detached' })
})

test('when ranks die the step gets shorter, and the page says by how much', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  await visitor.set({ preset: 'tiny', precision: 'fixed', ranks: 'target', 'prior.target': 200, 'prior.warmup_epochs': 0.2, 'prior.ramp_epochs': 0.5, epochs: 2, seed: 11 })
  await page.click('#tab-accelerator')
  await visitor.press('Reset')
  await visitor.until((state) => state.phase === 'ready')
  const before = await timed(visitor)
  assert.equal(before.step_cycles, before.first_step_cycles)
  const { ranks } = await visitor.train()
  const after = await timed(visitor)
  t.diagnostic(`${before.step_cycles} to ${after.step_cycles} cycles, ranks ${ranks.join(' / ')}`)
  assert.equal(after.first_step_cycles, before.step_cycles)
  assert.ok(after.step_cycles < before.step_cycles)
  const less = before.step_cycles - after.step_cycles
  assert.equal(await page.locator('#saved').textContent(), `−${((less / before.step_cycles) * 100).toFixed(1)} % since the start`)
  const tip = await page.locator('.figure', { has: page.locator('#saved') }).locator('.tip-text').textContent()
  assert.ok(numbers(tip).includes(less), tip)
  assert.match(tip, /by the last change, after step [\d,]+/)
  await page.click('#tab-train')
  const [cycles] = numbers(await page.locator('#chip-cycles').textContent())
  assert.equal(cycles, after.cycles_per_sample, 'the Train tab says the same')
})

for (const [name, size] of Object.entries({ desk, phone })) {
  for (const colorScheme of ['light', 'dark']) {
    test(`axe finds nothing serious on the tab: ${name}, ${colorScheme}`, async (t) => {
      const { page } = await open(t, { size, media: { colorScheme } })
      await page.click('#keep-b')
      await page.addScriptTag({ path: axe })
      const look = async () => {
        const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
        return violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.any[0]?.message ?? node.all[0]?.message ?? ''}`))
      }
      assert.deepEqual(await look(), [], 'the tab')
      await page.evaluate(() => document.querySelectorAll('#panel details').forEach((details) => (details.open = true)))
      assert.deepEqual(await look(), [], 'tables open')
      if (size === phone) {
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, 'nothing has to be moved sideways')
      }
    })
  }
}

test('while it trains with the tab open, 95 frames of 100 come within 20 ms', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  await visitor.set({ preset: 'paper', precision: 'fixed', ranks: 'stay', epochs: 100 })
  await page.click('#tab-accelerator')
  const frames = async (milliseconds) => {
    await page.evaluate(() => window.railyard.frames(true))
    await page.waitForTimeout(milliseconds)
    const times = await page.evaluate(() => window.railyard.frames(false))
    return { count: times.length, p95: quantile(times, 0.95) }
  }
  const idle = await frames(2000)
  await visitor.press('Train')
  await visitor.until((state) => state.origin === 'live' && state.step > 20)
  const busy = await frames(5000)
  assert.ok((await visitor.state()).running, 'it trained all the while')
  t.diagnostic(`idle p95 ${idle.p95.toFixed(1)} ms, training p95 ${busy.p95.toFixed(1)} ms of ${busy.count}; load ${loadavg()[0].toFixed(1)}`)
  assert.ok(busy.count > 100, `${busy.count} frames in 5 s`)
  // A machine that does not give an idle page 20 ms is busy with other things; then by comparison.
  const most = Math.max(20, 1.5 * idle.p95)
  assert.ok(busy.p95 < most, `p95 of ${busy.p95.toFixed(1)} ms, idle ${idle.p95.toFixed(1)} ms`)
})
