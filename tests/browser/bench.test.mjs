// The page benchmark measures both executors and prints what programs can read.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { project } from './support.mjs'

test('samples and multiply-accumulates per second of both executors', async (t) => {
  const { stdout } = await promisify(execFile)('node', ['scripts/bench-page.mjs', '--milliseconds', '1000'], { cwd: project })
  const speeds = stdout.trim().split('\n').map((line) => JSON.parse(line))
  assert.deepEqual(speeds.map((speed) => speed.executor), ['float', 'fixed'])
  for (const { executor, samples_per_second: samples, macs_per_sample: macs, macs_per_second: rate } of speeds) {
    t.diagnostic(`${executor}: ${Math.round(samples)} samples/s, ${(rate / 1e9).toFixed(2)} GMAC/s`)
    assert.ok(samples > 0 && macs > 0 && Math.abs(rate / (samples * macs) - 1) < 1e-6)
  }
})
