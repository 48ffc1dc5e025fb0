// Files in and out: the visitor's own images, fetched sets, checkpoints and curves.

import assert from 'node:assert/strict'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { deflateRawSync, gzipSync } from 'node:zlib'

import { folder, project, stage } from './support.mjs'

const site = stage({ root: copy() })
const { visit } = site

/** A copy of the page with a full Fashion-MNIST of our own beside it, and no MNIST. */
async function copy() {
  const root = await folder()
  await cp(join(project, 'dist'), root, { recursive: true, filter: (path) => !path.endsWith('/data') })
  await rm(join(root, 'data'), { recursive: true, force: true })
  await mkdir(join(root, 'data'))
  await writeFile(join(root, 'data/fashion-mnist.rypk'), pack(1200, 200))
  return root
}

/** Images of 28 x 28 whose class is the column of a bright bar on noise, with labels. */
function pictures(count, { classes = 4, side = 28 } = {}) {
  const labels = Buffer.alloc(count)
  const pixels = Buffer.alloc(count * side * side)
  let noise = 12345
  for (let k = 0; k < count; k++) {
    labels[k] = k % classes
    const left = Math.floor((labels[k] * side) / classes)
    for (let at = 0; at < side * side; at++) {
      noise = (Math.imul(noise, 1103515245) + 12345) >>> 0
      const bright = at % side >= left && at % side < left + side / classes
      pixels[k * side * side + at] = bright ? 150 + ((noise >>> 24) % 100) : (noise >>> 24) % 60
    }
  }
  return { count, side, classes, labels, pixels }
}

/** The packed format of src/data/pack.rs. */
function pack(train, test) {
  const [a, b] = [pictures(train), pictures(test)]
  const names = Buffer.from('far left\nleft\nright\nfar right')
  const body = Buffer.concat([a.pixels, a.labels, b.pixels, b.labels])
  const head = Buffer.alloc(20)
  head.writeUInt16LE(1, 0)
  head.writeUInt16LE(4, 2)
  head.writeUInt32LE(train, 4)
  head.writeUInt32LE(test, 8)
  head.writeUInt16LE(28, 12)
  head.writeUInt16LE(28, 14)
  head.writeUInt32LE(names.length, 16)
  const checked = Buffer.concat([head, names, body])
  // A gzip file carries the CRC-32 of what is in it, eight bytes before its end.
  const crc = gzipSync(checked, { level: 1 }).subarray(-8, -4)
  return Buffer.concat([Buffer.from('RYPK'), crc, head, names, deflateRawSync(body)])
}

const numbers = (...values) => {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, k) => bytes.writeUInt32BE(value, 4 * k))
  return bytes
}
const images = ({ count, side, pixels }) => Buffer.concat([numbers(0x803, count, side, side), pixels])
const labels = ({ count, labels }) => Buffer.concat([numbers(0x801, count), labels])

/** Two IDX files. */
const pair = (set, zip = (bytes) => bytes) => [
  { name: 'my-images.idx', buffer: zip(images(set)) },
  { name: 'my-labels.idx', buffer: zip(labels(set)) },
]
const four = (train, test) => [
  { name: 'train-images-idx3-ubyte.gz', buffer: gzipSync(images(train)) },
  { name: 'train-labels-idx1-ubyte.gz', buffer: gzipSync(labels(train)) },
  { name: 't10k-images-idx3-ubyte.gz', buffer: gzipSync(images(test)) },
  { name: 't10k-labels-idx1-ubyte.gz', buffer: gzipSync(labels(test)) },
]

const about = (page, text) => page.locator('.data-state', { hasText: text }).waitFor()
const quick = { preset: 'tiny', precision: 'fixed', ranks: 'stay', epochs: 2, batch: 32, seed: 1 }

test('own files from the picker, plain: two files become a training and a test set', async (t) => {
  const visitor = await visit(t)
  await visitor.set(quick)
  await visitor.choose('Files…', ...pair(pictures(700)))
  await about(visitor.page, '600 + 100 images, 4 classes')
  const state = await visitor.train()
  assert.ok(state.test_accuracy > 0.9, `${state.test_accuracy} right`)
  assert.match(await visitor.page.locator('.strip .says').textContent(), /600 images/)
})

test('own files dropped, gzipped: four files, training and test', async (t) => {
  const visitor = await visit(t)
  await visitor.set(quick)
  await visitor.drop(...four(pictures(640), pictures(160)))
  await about(visitor.page, '640 + 160 images, 4 classes')
  assert.ok((await visitor.train()).test_accuracy > 0.9)
})

const good = pair(pictures(70))
const changed = (bytes, at, value) => Buffer.concat([bytes.subarray(0, at), numbers(value), bytes.subarray(at + 4)])
const faulty = {
  'a wrong magic number': [[{ name: 'photo.png', buffer: Buffer.from('\x89PNG\r\n\x1a\n and so on', 'latin1') }, good[1]], /^photo\.png starts with 0x89504e47/],
  'truncated': [[{ ...good[0], buffer: good[0].buffer.subarray(0, -1000) }, good[1]], /^my-images\.idx ends after 53896 bytes, where its header promises 54896/],
  'gzip cut short': [[{ ...good[0], buffer: gzipSync(good[0].buffer).subarray(0, -20) }, good[1]], /^my-images\.idx is a gzip file cut short/],
  'trailing bytes': [[{ ...good[0], buffer: Buffer.concat([good[0].buffer, Buffer.alloc(3)]) }, good[1]], /goes on after the 54896 bytes/],
  'more labels than images': [[good[0], { name: 'many.idx', buffer: labels(pictures(80)) }], /^my-images\.idx holds 70 images but many\.idx holds 80 labels/],
  'over-large by its header': [[{ ...good[0], buffer: changed(good[0].buffer, 4, 2 ** 31) }, good[1]], /counts 2147483648 entries in its header; at most 250000 are accepted/],
  'images too wide': [[{ ...good[0], buffer: changed(good[0].buffer, 12, 4096) }, good[1]], /1 to 64 rows and columns are accepted/],
  'an empty file': [[{ name: 'empty.idx', buffer: Buffer.alloc(0) }, good[1]], /^empty\.idx holds only 0 bytes/],
  'three files': [[...good, good[0]], /^3 files were given; accepted are two/],
  'two image files': [[good[0], good[0]], /each image file needs one label file/],
}

test('a faulty file is answered with a sentence, and the earlier data stay', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  await visitor.set(quick)
  await visitor.choose('Files…', ...pair(pictures(364)))
  await about(page, '312 + 52 images')
  await visitor.press('Step')
  await visitor.until((state) => state.step === 1 && state.checksum)
  for (const [name, [files, sentence]] of Object.entries(faulty)) {
    await t.test(name, async () => {
      await visitor.drop(...files)
      await page.waitForFunction((source) => new RegExp(source).test(document.querySelector('.data-state .fault')?.textContent ?? ''), sentence.source)
    })
  }
  await t.test('and training goes on with the earlier ones', async () => {
    const { checksum, epoch } = await visitor.train()
    assert.equal(epoch, 2)
    await visitor.press('Reset')
    await visitor.until((state) => state.phase === 'ready')
    assert.equal((await visitor.train()).checksum, checksum)
  })
})

test('earlier data that stayed also outlive the worker', async (t) => {
  const visitor = await visit(t)
  await visitor.set(quick)
  await visitor.choose('Files…', ...pair(pictures(364)))
  await about(visitor.page, '312 + 52 images')
  await visitor.press('Step')
  await visitor.until((state) => state.step === 1 && state.checksum)
  await visitor.drop(...faulty['three files'][0])
  await visitor.page.locator('.data-state .fault').waitFor()
  await visitor.page.evaluate(() => window.railyard.crashWorker())
  const back = await visitor.until((state) => state.notice)
  assert.match(back.notice, /was restarted from its checkpoint at step 1\.$/)
  await visitor.idle()
  await visitor.press('Train')
  const end = await visitor.until((state) => state.phase === 'finished' || /own files/.test(state.notice)).catch(() => visitor.state())
  assert.deepEqual([end.phase, end.epoch], ['finished', 2], end.notice)
})

test('data of another size, brought while a run stands, do not disturb it', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ ...quick, epochs: 1, batch: 64 })
  await visitor.press('Step')
  await visitor.until((state) => state.step === 1 && state.checksum)
  await visitor.drop(...pair(pictures(84, { side: 12 })))
  await about(visitor.page, '72 + 12 images')
  await visitor.press('Train')
  const { notice, step } = await visitor.until((state) => state.phase === 'finished')
  assert.equal(step, 94)
  assert.doesNotMatch(notice ?? '', /worker stopped/)
})

test('a network is fitted to data of another size; one that is chosen after all is refused with the numbers', async (t) => {
  const visitor = await visit(t)
  await visitor.set(quick)
  await visitor.drop(...pair(pictures(84, { side: 12 })))
  await about(visitor.page, '72 + 12 images')
  assert.match((await visitor.until((state) => state.notice)).notice, /The network was fitted to 12 × 12 values and 4 classes: modes/)
  await visitor.set({ preset: 'paper' })
  await visitor.press('Train')
  const { notice } = await visitor.until((state) => /inputs/.test(state.notice))
  assert.match(notice, /images of 12 x 12 with 2 zero columns on each side make 192 inputs, but .* 896/)
})

test('a full set is fetched with progress, and can be broken off', async (t) => {
  const visitor = await visit(t)
  const { page } = visitor
  // Half a megabyte at 200 kB a second, so that there is something to watch.
  const session = await page.context().newCDPSession(page)
  const throttle = (rate) =>
    session.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: rate, uploadThroughput: -1 })
  await session.send('Network.enable')
  await visitor.set(quick)
  await visitor.set({ data: 'Fashion-MNIST, full' })
  assert.match(await page.locator('.data-state').textContent(), /fetched on Train/)

  await throttle(200_000)
  await page.evaluate(() => {
    window.seen = []
    new MutationObserver(() => {
      const bar = document.querySelector('.data-state progress')
      if (bar?.hasAttribute('value')) window.seen.push(Number(bar.value))
    }).observe(document.querySelector('.data-state'), { subtree: true, childList: true, attributes: true, characterData: true })
  })
  await visitor.press('Train')
  await page.waitForFunction(() => window.seen.at(-1) > 0.2)
  assert.match(await page.locator('.data-state .num').textContent(), /^[\d.]+ KB of [\d.]+ KB$/)
  const aborted = page.waitForEvent('requestfailed')
  await page.locator('.data-state').getByRole('button', { name: 'Cancel' }).click()
  await aborted
  assert.equal((await visitor.idle()).phase, 'example', 'as it was before')
  visitor.expect(/fashion-mnist\.rypk net::ERR_ABORTED/)

  await page.evaluate(() => (window.seen = []))
  await visitor.press('Train')
  await page.waitForFunction(() => window.seen.at(-1) > 0.2)
  await throttle(-1)
  const { test_accuracy } = await visitor.until((state) => state.phase === 'finished')
  const seen = await page.evaluate(() => window.seen)
  assert.deepEqual(seen, seen.toSorted((a, b) => a - b), 'progress only grows')
  assert.ok(test_accuracy > 0.9)
  await about(page, '1,200 + 200 images, 4 classes')
})

test('a full set that is not beside the page: a sentence, and the run before stays', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ ...quick, epochs: 1, batch: 64 })
  const { checksum } = await visitor.train()
  await visitor.set({ data: 'MNIST, full' })
  await visitor.press('Train')
  const { notice, phase, checksum: after } = await visitor.until((state) => state.notice)
  assert.match(notice, /^MNIST, full is not beside this page; run “railyard data”/)
  assert.deepEqual([phase, after], ['finished', checksum])
  visitor.expect(/mnist\.rypk 404/, /status of 404/)
})

/** A safetensors file, taken apart: metadata, and tensors with type, shape and bytes. */
function safetensors(bytes) {
  const length = Number(bytes.readBigUInt64LE(0))
  const { __metadata__: metadata, ...entries } = JSON.parse(bytes.subarray(8, 8 + length))
  const body = bytes.subarray(8 + length)
  const tensors = Object.entries(entries).map(([name, { dtype, shape, data_offsets: [from, to] }]) => {
    const size = { F32: 4, U16: 2 }[dtype]
    assert.equal(to - from, shape.reduce((product, side) => product * side, size), `${name} is as long as its shape says`)
    return [name, { dtype, shape, bytes: body.subarray(from, to) }]
  })
  assert.equal(Math.max(...Object.values(entries).map((entry) => entry.data_offsets[1])), body.length, 'nothing behind the last tensor')
  return { metadata, tensors: Object.fromEntries(tensors) }
}

test('a saved checkpoint is a safetensors file with cores in the order (r, m, n, r′)', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ ...quick, epochs: 1, batch: 64 })
  const { step } = await visitor.train()
  const { name, buffer } = await visitor.download('Save')
  assert.equal(name, 'railyard-fashion-mnist-subset-seed1-step94.safetensors')
  const { metadata, tensors } = safetensors(buffer)
  const header = JSON.parse(metadata.railyard)
  assert.equal(header.step, step)
  assert.deepEqual([header.config.seed, header.config.epochs], [1, 1])
  const shapes = ['fc1.G1', 'fc1.G2', 'fc1.b', 'fc2.G1', 'fc2.G2', 'fc2.b'].map((name) => tensors[name].shape)
  assert.deepEqual(shapes, [[1, 8, 28, 6], [6, 8, 32, 1], [64], [1, 4, 8, 6], [6, 4, 8, 1], [16]])
  const core = tensors['fc1.G1'].bytes
  const values = Array.from({ length: core.length / 4 }, (_, k) => core.readFloatLE(4 * k))
  // Master copies of 8 bits are multiples of 2^-7.
  assert.ok(values.every((value) => Number.isInteger(value * 128)) && values.some((value) => value !== 0))
})

test('the curves are a CSV table that other programs read', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ ...quick, batch: 64 })
  const { checksum, test_accuracy } = await visitor.train()
  const { name, buffer } = await visitor.download('Curves')
  assert.match(name, /\.csv$/)
  const [head, ...rows] = buffer.toString().trimEnd().split('\n').map((line) => line.split(','))
  assert.ok(rows.every((row) => row.length === head.length))
  const table = rows.map((row) => Object.fromEntries(head.map((column, k) => [column, row[k]])))
  assert.deepEqual(table.map((row) => Number(row.step)), Array.from({ length: 188 }, (_, k) => k + 1))
  const epochs = table.filter((row) => row.checksum)
  assert.deepEqual(epochs.map((row) => [row.epoch, row.step]), [['1', '94'], ['2', '188']])
  assert.equal(epochs[1].checksum, checksum)
  assert.ok(Math.abs(epochs[1].test_accuracy - test_accuracy) < 1e-6)
  for (const row of table) assert.ok(Number(row.batch_loss) > 0 && Number(row.rate) >= 0)
})

test('a bad checkpoint is answered with a sentence, and nothing is lost', async (t) => {
  const visitor = await visit(t)
  await visitor.set({ ...quick, epochs: 1, batch: 64 })
  const trained = await visitor.train()
  const controls = await visitor.controls()
  const { buffer } = await visitor.download('Save')
  const length = Number(buffer.readBigUInt64LE(0))
  const header = buffer.subarray(8, 8 + length).toString()
  const rewritten = (text) => {
    const bytes = Buffer.from(text)
    const size = Buffer.alloc(8)
    size.writeBigUInt64LE(BigInt(bytes.length))
    return Buffer.concat([size, bytes, buffer.subarray(8 + length)])
  }
  const cases = {
    'a text file': Buffer.from('This is no checkpoint.'),
    'an empty file': Buffer.alloc(0),
    'a header that promises too much': Buffer.concat([Buffer.alloc(7, 0xff), buffer.subarray(7)]),
    'cut in the header': buffer.subarray(0, 100),
    'cut in a tensor': buffer.subarray(0, buffer.length - 100),
    'a tensor missing': rewritten(header.replaceAll('fc1.G1', 'fc9.G1')),
    'no metadata': rewritten(header.replace('"railyard"', '"somebody"')),
    'a foreign configuration': rewritten(header.replace('\\"seed\\":1', '\\"colour\\":1')),
    'a refused configuration': rewritten(header.replace('\\"epochs\\":1', '\\"epochs\\":0')),
    'other data': rewritten(header.replace('\\"train_images\\":6000', '\\"train_images\\":5999')),
  }
  for (const [name, bytes] of Object.entries(cases)) {
    await t.test(name, async () => {
      assert.ok(!bytes.equals(buffer), 'the file was changed')
      await visitor.choose('Load', { name: 'bad.safetensors', buffer: bytes })
      const { notice } = await visitor.until((state) => state.notice)
      assert.match(notice, /\w+ .{20,}/, 'a sentence')
      t.diagnostic(`${name}: ${notice}`)
      await visitor.settled()
      const { phase, checksum } = await visitor.state()
      assert.deepEqual([phase, checksum], [trained.phase, trained.checksum], 'the run stays')
      assert.deepEqual(await visitor.controls(), controls, 'the settings stay')
      if (await visitor.says()) await visitor.press('Dismiss this message')
      await visitor.until((state) => !state.notice)
    })
  }
})
