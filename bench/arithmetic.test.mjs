import assert from 'node:assert/strict'
import { test } from 'node:test'

import { excesses, fastest, median, ratio, worst } from './arithmetic.mjs'
import { lossOf } from './reference.mjs'
import { inPlace, rows } from './report.mjs'

test('a median is the middle, or the mean of the middle two, whatever the order', () => {
  assert.equal(median([5, 1, 3]), 3)
  assert.equal(median([10, 2, 9, 1]), 5.5)
  assert.ok(Number.isNaN(median([])))
})

test('a ratio is taken round by round, so that a disturbed round does not move it', () => {
  // The machine was half as fast in the last round, for both.
  assert.equal(ratio([200, 200, 100], [100, 100, 50]), 2)
  // Medians of each alone would give 300 / 100.
  assert.equal(ratio([300, 100, 400], [100, 50, 400]), 2)
  assert.throws(() => ratio([1], [1, 2]))
})

test('the fastest is the one with the highest median, not the highest single round', () => {
  assert.equal(fastest({ steady: [10, 11, 12], lucky: [9, 9, 100] }), 'steady')
  assert.equal(fastest({}), undefined)
})

test('growth is compared with the growth of the operation count', () => {
  const points = [
    { label: 'a', time: 1, macs: 100 },
    { label: 'b', time: 2, macs: 200 },
    { label: 'c', time: 6, macs: 400 },
  ]
  assert.deepEqual(excesses(points), [
    { from: 'a', to: 'b', excess: 1 },
    { from: 'b', to: 'c', excess: 1.5 },
  ])
  assert.equal(worst(excesses(points), (pair) => pair.excess).to, 'c')
  assert.deepEqual(excesses([]), [])
})

test('the reference gives the loss of equal logits for weights of zero', () => {
  const zero = { tt: () => 0, dense: () => 0 }
  for (const network of ['tt', 'dense']) {
    assert.ok(Math.abs(lossOf(network, zero[network]) - Math.log(10)) < 1e-12)
  }
})

test('rows compare ours with the fastest variant and say whether the goal is met', () => {
  const tt = { 'page/float': [100, 100], 'page/fixed': [90, 90], 'tfjs/written, planned': [10, 10], 'tfjs/written, W first': [20, 20] }
  const found = rows({ tt })
  assert.deepEqual(found.map(({ ratio, met }) => [ratio, met]), [['5.00x', false], ['0.90x', false]])
  const workers = [[{ workers: 1, samples_per_second: 10, checksum: 'a' }, { workers: 2, samples_per_second: 18, checksum: 'a' }]]
  assert.equal(rows({ workers })[0].met, true)
  workers[0][1].checksum = 'b'
  assert.equal(rows({ workers })[0].met, false)
})

test('a table replaces the one that stands between the comments', () => {
  const document = 'a\n<!-- bench: x -->\nold\n<!-- /bench -->\nb\n'
  const once = inPlace(document, 'new')
  assert.equal(once, 'a\n<!-- bench: x -->\n\nnew\n\n<!-- /bench -->\nb\n')
  assert.equal(inPlace(once, 'new'), once)
  assert.throws(() => inPlace('nothing', 'new'))
})
