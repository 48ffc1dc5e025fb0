// The page stays small enough to be there at once, also where the line is slow.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { gzipped, later, programs } from '../../scripts/size.mjs'
import { project } from './support.mjs'

test('WASM and scripts of a visit take at most 600,000 bytes compressed', async (t) => {
  const files = (await programs(join(project, 'dist'))).filter(({ name }) => !later.test(name))
  const list = files.map(({ name, bytes, gzip }) => `${name}: ${gzip} of ${bytes}`).join(', ')
  const total = gzipped(files)
  t.diagnostic(`${total} bytes compressed (${list})`)
  assert.equal(gzipped(files, /\.wasm$/) > 0, true, 'a page was built')
  assert.ok(total <= 600_000, `${total} bytes compressed: ${list}`)
})

test('the Compare tab fetches at most 350,000 bytes more', async (t) => {
  const files = (await programs(join(project, 'dist'))).filter(({ name }) => later.test(name))
  const total = gzipped(files)
  t.diagnostic(`${total} bytes compressed`)
  assert.equal(files.length, 3)
  assert.ok(total <= 350_000, `${total} bytes compressed`)
})
