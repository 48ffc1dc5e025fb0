// The page stays small enough to be there at once, also where the line is slow.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { compare, gzipped, later, programs, second } from '../../scripts/size.mjs'
import { project } from './support.mjs'

const files = await programs(join(project, 'dist'))

for (const [what, which, most] of [
  ['all a visit fetches before another tab is opened', ({ name }) => !later.test(name), 580_000],
  ['that and what the other tabs need, but for Compare', ({ name }) => !compare.test(name), 820_000],
  ['what Compare fetches more', ({ name }) => compare.test(name), 350_000],
]) {
  test(`WASM and scripts, ${what}: at most ${most} bytes compressed`, (t) => {
    const some = files.filter(which)
    const list = some.map(({ name, bytes, gzip }) => `${name}: ${gzip} of ${bytes}`).join(', ')
    const total = gzipped(some)
    t.diagnostic(`${total} bytes compressed (${list})`)
    assert.ok(gzipped(some, /\.wasm$/) > 0, 'a page was built')
    assert.ok(total <= most, `${total} bytes compressed: ${list}`)
  })
}

test('the page is in two parts, and Compare is a program of its own', () => {
  assert.equal(files.filter(({ name }) => second.test(name)).length, 1)
  assert.equal(files.filter(({ name }) => compare.test(name)).length, 3)
})
