// Runs that are kept: listed, compared, opened, exported, taken in, deleted.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { stage } from './support.mjs'

const { visit } = stage()

const settings = (changes) => ({ preset: 'tiny', precision: 'fixed', ranks: 'stay', epochs: 2, ...changes })

/** The list of kept runs, opened. */
class List {
  constructor(visitor) {
    Object.assign(this, { visitor, page: visitor.page, dialog: visitor.page.locator('dialog.runs') })
  }

  static async open(visitor) {
    await visitor.page.click('#runs')
    const list = new List(visitor)
    await list.dialog.waitFor()
    // What the storage takes is told once the list was read.
    await list.dialog.getByText('the browser holds').waitFor()
    return list
  }

  close() {
    return this.dialog.getByRole('button', { name: 'Done' }).click()
  }

  /** Waits for what is said. */
  async said(pattern) {
    await this.page.waitForFunction(([text, flags]) => new RegExp(text, flags).test(document.querySelector('dialog.runs .said').textContent), [pattern.source, pattern.flags])
  }

  async keep(name) {
    await this.page.fill('#run-name', name)
    await this.page.click('#keep-run')
    await this.said(/is kept, as it stands/)
  }

  /** Name and figures of every line; there are to be `count`. */
  async rows(count) {
    await this.page.waitForFunction((count) => document.querySelectorAll('dialog.runs tbody tr').length === count, count)
    return this.dialog.locator('tbody tr').evaluateAll((rows) => rows.map((row) => [row.querySelector('th input').value, ...[...row.querySelectorAll('td')].slice(1, 4).map((cell) => cell.textContent)]))
  }

  act(name, run) {
    return this.dialog.getByRole('button', { name: `${name} ${run}`, exact: true }).click()
  }

  beside(run) {
    return this.dialog.getByRole('checkbox', { name: `Show ${run} in the chart` })
  }
}

/** Trains with these settings and keeps the run under a name. */
async function kept(visitor, name, changes = {}) {
  await visitor.set(settings(changes))
  await visitor.press('Reset')
  await visitor.until((state) => state.phase === 'ready')
  const { checksum } = await visitor.train()
  const list = await List.open(visitor)
  await list.keep(name)
  await list.close()
  return checksum
}

test('two runs are kept, shown beside each other, found after a reload and opened to the same bits', async (t) => {
  const visitor = await visit(t)
  const first = await kept(visitor, 'seed one', { seed: 1 })
  const second = await kept(visitor, 'seed two', { seed: 2, epochs: 3 })
  let list = await List.open(visitor)
  assert.deepEqual((await list.rows(2)).map(([name, , , step]) => [name, step]), [['seed two', '282'], ['seed one', '188']], 'the newest first')
  await list.beside('seed two').check()
  await list.beside('seed one').check()
  await list.close()
  const columns = await visitor.page.locator('#chart-table thead th').allTextContents()
  assert.deepEqual(columns.slice(6), ['A: seed two, test %', 'B: seed one, test %'])
  const rows = await visitor.page.locator('#chart-table tbody tr').evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)))
  assert.equal(rows.length, 3)
  assert.deepEqual(rows.map((row) => row[2]), rows.map((row) => row[6]), 'the run on display is the one kept last')
  assert.equal(rows[2][7], '', 'the other has no third epoch')

  await visitor.page.reload()
  await visitor.page.waitForFunction(() => window.railyard)
  await visitor.until((state) => state.phase === 'finished')
  list = await List.open(visitor)
  await list.rows(2)
  await list.act('Open', 'seed one')
  await list.said(/“seed one” is open\.$/)
  await list.close()
  const one = await visitor.until((state) => state.phase === 'finished' && state.step === 188)
  assert.equal(one.checksum, first)
  assert.equal((await visitor.controls())['f-seed'], '1', 'the settings follow')
  assert.equal(await visitor.page.locator('#chart-table tbody tr').count(), 2, 'with its curves')
  list = await List.open(visitor)
  await list.act('Open', 'seed two')
  await list.close()
  assert.equal((await visitor.until((state) => state.step === 282)).checksum, second)
})

test('a run in training is kept when another is opened, and goes on to the end it would have had', async (t) => {
  const visitor = await visit(t)
  const whole = await kept(visitor, 'whole', { seed: 5, epochs: 12 })
  await visitor.press('Reset')
  await visitor.until((state) => state.phase === 'ready')
  await visitor.press('Train')
  await visitor.until((state) => state.epoch >= 3)
  let list = await List.open(visitor)
  await list.act('Open', 'whole')
  await list.said(/is open\. The run that was here is kept as “tiny, 4\/8\/16 bits, seed 5, step/)
  await visitor.until((state) => state.phase === 'finished')
  const [[name, , , step]] = await list.rows(2)
  await list.act('Open', name)
  await list.close()
  const stands = await visitor.until((state) => state.phase === 'paused' && state.step < 1000)
  assert.equal(stands.step, Number(step.replace(',', '')))
  assert.equal((await visitor.train()).checksum, whole)
})

test('a run goes into a file and comes back, in another browser too, and the file is a checkpoint', async (t) => {
  const visitor = await visit(t)
  const checksum = await kept(visitor, 'carried/away')
  const list = await List.open(visitor)
  const coming = visitor.page.waitForEvent('download')
  await list.act('Export', 'carried/away')
  const download = await coming
  assert.equal(download.suggestedFilename(), 'railyard-carried-away.safetensors')
  const path = await download.path()

  const other = await visit(t)
  const there = await List.open(other)
  await there.dialog.locator('input[type=file]').setInputFiles(path)
  await there.said(/“carried\/away” is taken in/)
  const [line] = await there.rows(1)
  assert.deepEqual(line, (await list.rows(1))[0])
  await there.beside('carried/away').check()
  await there.act('Open', 'carried/away')
  await there.close()
  assert.equal((await other.until((state) => state.phase === 'finished')).checksum, checksum)
  assert.equal(await other.page.locator('#chart-table tbody tr').count(), 2)

  const third = await visit(t)
  const opening = third.page.waitForEvent('filechooser')
  await third.press('Load')
  await (await opening).setFiles(path)
  assert.equal((await third.until((state) => state.phase === 'finished')).checksum, checksum)
})

test('a plain checkpoint is taken in by its name, and what is none is refused', async (t) => {
  const visitor = await visit(t)
  await visitor.set(settings({ epochs: 1 }))
  const { checksum } = await visitor.train()
  const { buffer } = await visitor.download('Save')
  const list = await List.open(visitor)
  const take = (name, buffer) => list.dialog.locator('input[type=file]').setInputFiles({ name, mimeType: 'application/octet-stream', buffer })
  await take('plain.safetensors', buffer)
  await list.said(/“plain” is taken in/)
  await list.beside('plain').click()
  await list.said(/“plain” has no epoch to show/)
  assert.equal(await list.beside('plain').isChecked(), false)
  for (const wrong of [Buffer.from('hello'), buffer.subarray(0, 300), Buffer.alloc(0)]) {
    await take('wrong.safetensors', wrong)
    await list.said(/no Railyard checkpoint/)
    await list.act('Export', 'plain')
    await list.said(/“plain” is exported/)
  }
  await list.rows(1)
  await list.act('Open', 'plain')
  await list.close()
  assert.equal((await visitor.until((state) => state.phase === 'finished')).checksum, checksum)
})

test('runs are named anew, deleted, brought back, and all deleted; the storage is told', async (t) => {
  const visitor = await visit(t)
  await kept(visitor, 'one', { epochs: 1 })
  await kept(visitor, 'two', { epochs: 1, seed: 9 })
  const list = await List.open(visitor)
  const names = async (count) => (await list.rows(count)).map(([name]) => name)
  const rename = list.dialog.getByRole('textbox', { name: 'Name of one' })
  await rename.fill('  first   of all ')
  await rename.press('Enter')
  await list.said(/called “first of all” now/)
  assert.deepEqual(await names(2), ['two', 'first of all'])
  await list.beside('two').check()
  await list.act('Delete', 'two')
  await list.said(/“two” is deleted/)
  assert.deepEqual(await names(1), ['first of all'])
  assert.equal(await visitor.page.locator('#chart-table thead th').count(), 6, 'it left the chart, too')
  await list.dialog.getByRole('button', { name: 'Undo' }).click()
  await list.said(/Back again/)
  assert.deepEqual(await names(2), ['two', 'first of all'])
  assert.match(await list.dialog.locator('.storage').textContent(), /^2 runs take [\d.]+ KB\. With the page and its data the browser holds [\d.]+ [KMG]B of the [\d.]+ [MG]B it may\./)
  await list.page.click('#persist-runs')
  await list.said(/keeps them until you delete them|did not promise/)
  await list.page.click('#delete-runs')
  await list.said(/2 runs are deleted/)
  assert.deepEqual(await names(0), [])
  await list.dialog.getByRole('button', { name: 'Undo' }).click()
  await list.said(/Back again/)
  assert.deepEqual(await names(2), ['two', 'first of all'])
})

test('the same run is not kept twice', async (t) => {
  const visitor = await visit(t)
  await kept(visitor, 'one', { epochs: 1 })
  const list = await List.open(visitor)
  await list.page.click('#keep-run')
  await list.said(/kept already: “one”/)
  await list.rows(1)
})

test('no room left: it is said with the run’s size, and nothing is lost', async (t) => {
  const visitor = await visit(t)
  await visitor.set(settings({ epochs: 1 }))
  const { checksum } = await visitor.train()
  await visitor.page.evaluate(() => {
    IDBObjectStore.prototype.put = () => {
      throw new DOMException('full', 'QuotaExceededError')
    }
  })
  const list = await List.open(visitor)
  await list.page.click('#keep-run')
  await list.said(/no room left for this run of [\d.]+ KB\. Delete others/)
  await list.close()
  assert.equal((await visitor.state()).checksum, checksum)
})

test('the part of the program that lists runs does not come: it is said', async (t) => {
  const visitor = await visit(t, { prepare: (page) => page.route(/_later\.wasm$/, (route) => route.abort()) })
  await visitor.page.click('#runs')
  assert.match((await visitor.until((state) => state.notice)).notice, /was not fetched: the connection failed\. Try again/)
  visitor.expect(/_later\.wasm/, /net::ERR_FAILED/)
})

test('by keyboard alone: kept, shown beside, closed with Escape, and the focus is back', async (t) => {
  const visitor = await visit(t)
  await visitor.set(settings({ epochs: 1 }))
  await visitor.train()
  const { page } = visitor
  await page.focus('#runs')
  await page.keyboard.press('Enter')
  const list = new List(visitor)
  await list.dialog.waitFor()
  await page.focus('#run-name')
  await page.keyboard.type('typed')
  await page.keyboard.press('Enter')
  await list.said(/“typed” is kept/)
  await list.beside('typed').waitFor()
  await list.beside('typed').focus()
  await page.keyboard.press('Space')
  await page.keyboard.press('Escape')
  await list.dialog.waitFor({ state: 'detached' })
  assert.equal(await page.evaluate(() => document.activeElement.id), 'runs')
  assert.equal(await page.locator('#chart-table thead th').count(), 7)
})
