// Ranks and memory fall; and a link carries the settings that made them fall.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'

import { settingsOf, stage } from './support.mjs'

const { visit } = stage()

const shrinking = {
  preset: 'paper',
  precision: 'fixed',
  ranks: 'target',
  'prior.target': 292,
  'prior.warmup_epochs': 0.2,
  'prior.ramp_epochs': 0.5,
  epochs: 2,
  seed: 11,
}

/** What the page shows: the factor in the figures, the ranks in the table, the rows of the memory. */
async function shown(page) {
  const factor = await page.locator('.figure', { hasText: 'Parameter memory' }).locator('.value').textContent()
  const bonds = await page.locator('#cars-table tbody tr td:nth-of-type(4)').allTextContents()
  const stages = await page.locator('.stage:not(.reference) .times').allTextContents()
  return {
    factor: Number.parseFloat(factor.replaceAll(',', '')),
    ranks: bonds.filter((text) => text !== '–').map((text) => Number.parseInt(text)),
    stages: stages.map((text) => Number.parseFloat(text.replaceAll(',', ''))),
  }
}

test('a prior with a target: ranks and memory fall, as far as the target', async (t) => {
  const visitor = await visit(t)
  await visitor.set(shrinking)
  await visitor.press('Reset')
  await visitor.until((state) => state.phase === 'ready')
  const before = await shown(visitor.page)
  assert.deepEqual(before.ranks, [16, 16, 16, 16])
  const { ranks } = await visitor.train()
  const after = await shown(visitor.page)
  t.diagnostic(`${before.factor} to ${after.factor} times smaller, ranks ${ranks.join(' / ')}`)
  assert.deepEqual(after.ranks, ranks.flat(), 'what is drawn is what is')
  assert.ok(after.ranks.reduce((a, b) => a + b) < before.ranks.reduce((a, b) => a + b), 'ranks fell')
  assert.ok(after.factor >= 292 && after.factor < 330, `${after.factor} times smaller`)
  assert.equal(after.stages.at(-1), after.factor)
  assert.deepEqual(after.stages, after.stages.toSorted((a, b) => a - b), 'every stage is smaller than the one before')
})

test('the link opens with the same settings in a fresh profile', async (t) => {
  const settings = { ...shrinking, 'prior.target': 300, batch: 32, 'rate.peak': 0.013, 'rate.schedule': 'cosine', rounding: 'truncate', 'network.layers.1.ranks': '9' }
  const visitor = await visit(t, { media: { permissions: ['clipboard-read', 'clipboard-write'] } })
  await visitor.set(settings)
  await visitor.press('Copy link')
  await visitor.until((state) => state.notice)
  const link = await visitor.page.evaluate(() => navigator.clipboard.readText())
  assert.equal(link, visitor.page.url())
  const fields = settingsOf(link)
  assert.deepEqual([fields.batch, fields.rate.peak, fields.prior.target, fields.seed], [32, 0.013, 300, 11])

  const other = await visit(t, { hash: new URL(link).hash })
  assert.deepEqual(await other.controls(), await visitor.controls())
  await other.set({ seed: 12 })
  await other.set({ seed: 11 })
  assert.deepEqual(settingsOf(other.page.url()), fields, 'nothing was added or lost')
})

/** A small generator with a seed (mulberry32), so that every run of the test asks the same. */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const written = (patch) => '#1.' + deflateRawSync(typeof patch === 'string' ? patch : JSON.stringify(patch)).toString('base64url')

/** Links that are damaged, foreign, or ask for what is not accepted. */
function malformed() {
  const next = random(2)
  const good = written({ epochs: 3, prior: { kind: 'log-uniform', target: 292 } })
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.%#=&'
  const noise = (length) => Array.from({ length }, () => letters[Math.floor(next() * letters.length)]).join('')
  const hashes = [
    '#2.AAAA', '#1', '#1.', '#nonsense', '#%', '#%E0%A4%A', '#1.%00', `#1.${'A'.repeat(9000)}`,
    written(' '.repeat(4 << 20)), written('null'), written('[]'), written('7'), written('{"colour":"red"}'), written('{'),
    written({ epochs: -1 }), written({ epochs: 1e9 }), written({ epochs: 'many' }), written({ epochs: 1.5 }), written({ seed: 2 ** 40 }),
    written({ batch: 0 }), written({ batch: null }), written({ bits: { core: 99 } }), written({ bits: [] }), written({ data: '' }),
    written({ precision: 'octonion' }), written({ rate: { peak: 1e300 } }), written({ prior: { strength: -1 } }),
    written({ network: { layers: [] } }), written({ network: { pad_columns: 1e6 } }), written('['.repeat(10_000)),
    written({ network: { layers: [{ in_modes: [4294967296, 4294967296], out_modes: [1, 1], ranks: [1] }] } }),
    written({ network: { layers: [{ in_modes: [0], out_modes: [0], ranks: [] }] } }),
  ]
  for (let k = 0; k < 10; k++) hashes.push('#1.' + noise(1 + Math.floor(next() * 60)))
  for (let k = 0; k < 10; k++) hashes.push(good.slice(0, 4 + Math.floor(next() * (good.length - 6))))
  return hashes
}

test('a malformed link is answered with a sentence and changes nothing', async (t) => {
  const visitor = await visit(t)
  const before = await visitor.controls()
  for (const hash of malformed()) {
    await visitor.page.evaluate(() => [...document.querySelectorAll('.strip [aria-label^=Dismiss]')].forEach((b) => b.click()))
    await visitor.page.waitForFunction(() => !JSON.parse(window.railyard.state()).notice)
    await visitor.page.evaluate((hash) => (location.hash = hash), hash)
    const shownHash = hash.length > 80 ? `${hash.slice(0, 80)}…` : hash
    const { notice } = await visitor.until((state) => state.notice).catch(() => assert.fail(`nothing is said of ${shownHash}`))
    assert.match(notice, /^The link's settings were not used: [^]+\.$/, shownHash)
    assert.doesNotMatch(notice, /\.\.$|\n/, 'one sentence')
    assert.deepEqual(await visitor.controls(), before, shownHash)
  }
  await visitor.set({ preset: 'tiny', ranks: 'stay', epochs: 1 })
  assert.equal((await visitor.train()).step, 94, 'and the page still trains')
})

test('a page opened by a malformed link says so and shows the defaults', async (t) => {
  const plain = await (await visit(t)).controls()
  for (const hash of ['#2.AAAA', written({ epochs: -1 }), written('['.repeat(10_000))]) {
    const visitor = await visit(t, { hash })
    const state = await visitor.state()
    assert.equal(state.phase, 'example')
    assert.match(state.notice ?? '', /^The link's settings were not used/)
    assert.deepEqual(await visitor.controls(), plain)
  }
})

test('a link whose data are somebody’s own files says what to do', async (t) => {
  const visitor = await visit(t, { hash: written({ data: 'own' }) })
  await visitor.press('Train')
  assert.match((await visitor.until((state) => state.notice)).notice, /own files; choose IDX files/)
})
