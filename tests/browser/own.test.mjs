// The visitor's own tables and pictures: understood, trained on, or refused with the reason; and the page never stands still.

import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'

import { folder, settingsOf, stage } from './support.mjs'

const { visit } = stage()

/** Rows of three classes told apart by which third of the numbers is high, in noise; `faults` lines are put among them. */
function table({ rows = 420, width = 64, faults = [], header = true } = {}) {
  const names = ['apple', 'pear', 'quince']
  let noise = 77
  const random = () => ((noise = (Math.imul(noise, 1103515245) + 12345) >>> 0) >>> 16) / 65536
  const lines = Array.from({ length: rows }, (_, k) => {
    const values = Array.from({ length: width }, (_, c) => (Math.floor((3 * c) / width) === k % 3 ? 3 : 0) + random())
    return [names[k % 3], ...values.map((value) => value.toFixed(3))].join(',')
  })
  faults.forEach((line, k) => lines.splice(40 + 50 * k, 0, line))
  if (header) lines.unshift(['class', ...Array.from({ length: width }, (_, c) => `v${c}`)].join(','))
  return Buffer.from(lines.join('\n') + '\n')
}

/** Drops a file and waits for what the card says of it. */
async function drop(visitor, name, buffer) {
  await visitor.drop({ name, buffer })
  await visitor.page.waitForFunction(() => !/Reading|Choose or drop|6,000/.test(document.querySelector('.data-state').textContent), null, { timeout: 60_000 })
  return visitor.page.locator('.data-state').textContent()
}

test('a table with faults is understood, told, and trained on', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ preset: 'paper', precision: 'float', ranks: 'stay', epochs: 8, 'rate.peak': 0.01 })
  const faults = [`pear,${'1,'.repeat(62)}2`, `quince,,${'1,'.repeat(62)}2`, 'apple,1,2,3']
  const said = await drop(visitor, 'fruit.csv', table({ faults: faults.slice(1) }))
  assert.match(said, /361 \+ 59 images|360 \+ 60 images/)
  const { notice } = await visitor.until((state) => state.notice)
  assert.match(notice, /420 rows of 64 numbers as images of 8 × 8, labels from column “class”/)
  assert.match(notice, /left out: line 42, 92 \(column 2 has nothing where a number is wanted\)/)
  assert.match(notice, /fitted to 8 × 8 values and 3 classes: modes/)
  await visitor.settled()
  const { data, network } = settingsOf(visitor.page.url())
  assert.equal(data, 'own')
  assert.equal(network.layers[0].in_modes.reduce((a, b) => a * b), 8 * (8 + 2 * (network.pad_columns ?? 2)))
  const { test_accuracy } = await visitor.train()
  assert.ok(test_accuracy > 0.9, `${test_accuracy}`)
})

test('tables that cannot be used are refused with the reason and the place', async (t) => {
  const visitor = await visit(t)
  const many = Array.from({ length: 40 }, () => 'pear,1,2')
  for (const [buffer, reason] of [
    [Buffer.from(''), /empty/],
    [Buffer.from([0xff, 0xfe, 0x00, 0x41]), /not text in UTF-8/],
    [Buffer.from('1,2,3\n4,5,6\n'), /single|two rows/],
    [table({ faults: many }), /40 of 460 rows cannot be used: lines 42, .* and 37 more; of line 42, it has 3 fields, not 65/],
    [Buffer.from('a,b,label\n1,2,x\n3,4,x\n'), /1 different labels/],
  ]) {
    const before = await visitor.controls()
    const said = await drop(visitor, 'table.csv', buffer)
    assert.match(said, reason)
    assert.deepEqual(await visitor.controls(), before, 'nothing is lost')
  }
  assert.equal((await visitor.state()).phase, 'example', 'and the page goes on')
})

test('100 MB are read without the page standing still for a tenth of a second', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  await page.evaluate(() => {
    const row = (k) => `${k % 10},${Array.from({ length: 784 }, (_, c) => (k * 31 + c * 7) % 256).join(',')}\n`
    const block = Array.from({ length: 500 }, (_, k) => row(k)).join('')
    const blocks = Array.from({ length: Math.ceil(100e6 / block.length) }, () => block)
    const file = new File(blocks, 'large.csv')
    window.held = new DataTransfer()
    window.held.items.add(file)
  })
  await page.waitForTimeout(500)
  await page.evaluate(() => {
    window.longest = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration)
    }).observe({ type: 'longtask' })
    const drop = (type) => document.querySelector('section.data').dispatchEvent(new DragEvent(type, { dataTransfer: window.held, bubbles: true, cancelable: true }))
    drop('dragover')
    drop('drop')
  })
  await page.waitForFunction(() => /images, 10 classes/.test(document.querySelector('.data-state').textContent), null, { timeout: 60_000 })
  const longest = await page.evaluate(() => window.longest)
  t.diagnostic(`longest task ${longest} ms`)
  assert.ok(longest < 100, `${longest} ms`)
})

test('more than can be held is refused before it is read', async (t) => {
  const visitor = await visit(t)
  await visitor.page.evaluate(() => {
    const held = new DataTransfer()
    const megabyte = new Uint8Array(1e6)
    held.items.add(new File(Array.from({ length: 300 }, () => megabyte), 'huge.csv'))
    document.querySelector('section.data').dispatchEvent(new DragEvent('drop', { dataTransfer: held, bubbles: true, cancelable: true }))
  })
  await visitor.page.getByText('The files have 300 MB; at most 256 MB are read').waitFor()
})

/** A grey PNG of `side` x `side`, its pixels by `at(row, column)`. */
function png(side, at) {
  const chunk = (name, body) => {
    const all = Buffer.concat([Buffer.from(name), body])
    const head = Buffer.alloc(4)
    head.writeUInt32BE(body.length)
    // A gzip file carries the CRC-32 of what is in it, eight bytes before its end, the other way round.
    const sum = Buffer.from(gzipSync(all).subarray(-8, -4)).reverse()
    return Buffer.concat([head, all, sum])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header[8] = 8
  const rows = Array.from({ length: side }, (_, row) => Buffer.from([0, ...Array.from({ length: side }, (_, column) => at(row, column))]))
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk('IHDR', header), chunk('IDAT', deflateSync(Buffer.concat(rows))), chunk('IEND', Buffer.alloc(0))])
}

/** A folder of three classes: bright on the left, on the right, in the middle; with what else is put in. */
async function pictures(more = {}) {
  const root = await folder()
  const bright = { left: (c, side) => c < side / 3, middle: (c, side) => c >= side / 3 && c < (2 * side) / 3, right: (c, side) => c >= (2 * side) / 3 }
  for (const [name, test] of Object.entries(bright)) {
    await mkdir(join(root, name))
    for (let k = 0; k < 60; k++) {
      // One in ten is of another size.
      const side = k % 10 === 9 ? 31 : 20
      await writeFile(join(root, name, `${k}.png`), png(side, (row, column) => (test(column, side) ? 180 : 30) + ((row * 7 + column * 13 + k * 29) % 40)))
    }
  }
  for (const [path, content] of Object.entries(more)) {
    await mkdir(join(root, path, '..'), { recursive: true })
    await writeFile(join(root, path), content)
  }
  return root
}

/** Chooses a folder. */
async function chooseFolder(visitor, root) {
  const opening = visitor.page.waitForEvent('filechooser')
  await visitor.press('Folder…')
  await (await opening).setFiles(root)
}

test('a folder of three classes with faults in it is decoded, told, and trained on', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ preset: 'paper', precision: 'fixed', ranks: 'stay', epochs: 15 })
  const root = await pictures({ 'left/broken.png': Buffer.from('no picture'), 'empty/notes.txt': 'nothing to see', 'loose.png': png(20, () => 0) })
  await chooseFolder(visitor, root)
  const { notice } = await visitor.until((state) => state.notice)
  assert.match(notice, /180 pictures of 20 × 20 in 3 classes/)
  assert.match(notice, /left out: 2 of the files, first .*\/notes\.txt \(the browser cannot decode it\)/)
  assert.match(notice, /without a picture: empty/)
  assert.match(notice, /18 pictures of other sizes were scaled/)
  assert.match(notice, /fitted to 20 × 20 values and 3 classes/)
  await visitor.settled()
  const { test_accuracy } = await visitor.train()
  assert.ok(test_accuracy > 0.9, `${test_accuracy}`)
})

test('a folder that makes no classes is refused with the reason', async (t) => {
  const visitor = await visit(t)
  const flat = await folder()
  await writeFile(join(flat, 'one.png'), png(8, () => 9))
  const single = await folder()
  await mkdir(join(single, 'only'))
  await writeFile(join(single, 'only', 'one.png'), png(8, () => 9))
  for (const [root, reason] of [[flat, /no sub-folders with pictures/], [single, /has 1 classes with pictures/]]) {
    await chooseFolder(visitor, root)
    await visitor.page.waitForFunction((source) => new RegExp(source).test(document.querySelector('.data-state').textContent), reason.source)
  }
})

test('classes are called as the visitor wishes, and still after a reload', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ preset: 'tiny', precision: 'fixed', ranks: 'stay', epochs: 2 })
  await drop(visitor, 'fruit.csv', table())
  await visitor.settled()
  const { page } = visitor
  const field = page.locator('#class-names')
  assert.equal(await field.inputValue(), 'apple, pear, quince')
  await field.fill('one, two')
  await field.press('Enter')
  assert.match((await visitor.until((state) => state.notice)).notice, /2 names for 3 classes/)
  await field.fill('red,  green fruit ,yellow')
  await field.press('Enter')
  const { checksum } = await visitor.train()
  const answers = () => page.locator('.answer .name').allTextContents()
  assert.deepEqual(await answers(), ['red', 'green fruit', 'yellow'])
  await field.fill('r, g, y')
  await field.press('Enter')
  assert.deepEqual(await answers(), ['r', 'g', 'y'], 'while the run stands, too')
  await page.waitForTimeout(300)
  await page.reload()
  await page.waitForFunction(() => window.railyard)
  assert.equal((await visitor.until((state) => state.phase === 'finished')).checksum, checksum)
  assert.deepEqual(await answers(), ['r', 'g', 'y'])
})

test('folders that are dropped are read as those that are chosen', async (t) => {
  const root = await pictures()
  const visitor = await visit(t)
  const session = await visitor.page.context().newCDPSession(visitor.page)
  const { x, y } = await visitor.page.locator('section.data').boundingBox()
  for (const files of [[root], ['left', 'middle', 'right'].map((name) => join(root, name))]) {
    const data = { items: [], files, dragOperationsMask: 1 }
    for (const type of ['dragEnter', 'dragOver', 'drop']) await session.send('Input.dispatchDragEvent', { type, x: x + 20, y: y + 20, data })
    const { notice } = await visitor.until((state) => state.notice)
    assert.match(notice, /180 pictures of 20 × 20 in 3 classes/)
    await visitor.page.getByRole('button', { name: 'Dismiss this message' }).click()
  }
})

test('a run on own data that are not kept with it goes on when they are chosen again', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ preset: 'tiny', precision: 'fixed', ranks: 'stay', epochs: 6 })
  await drop(visitor, 'fruit.csv', table())
  await visitor.settled()
  const { checksum } = await visitor.train()
  await visitor.press('Reset')
  await visitor.until((state) => state.phase === 'ready')
  await visitor.press('Step')
  const before = await visitor.until((state) => state.step === 1)
  const { buffer } = await visitor.download('Save')
  const other = await visit(t)
  const list = other.page.locator('dialog.runs')
  await other.page.click('#runs')
  await list.locator('input[type=file]').setInputFiles({ name: 'run.safetensors', mimeType: 'application/octet-stream', buffer })
  await list.getByRole('button', { name: 'Open run' }).click()
  await list.getByText('is open').waitFor()
  await other.page.keyboard.press('Escape')
  await other.until((state) => /somebody's own files; choose/.test(state.notice))
  await drop(other, 'fruit.csv', table())
  assert.equal((await other.until((state) => state.phase === 'paused')).checksum, before.checksum)
  assert.equal((await other.train()).checksum, checksum)
})
