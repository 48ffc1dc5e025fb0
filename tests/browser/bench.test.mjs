// The page benchmark measures both executors and the event engine and prints what programs can read.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { project } from './support.mjs'

test('samples and multiply-accumulates per second of both executors, cycles per second of the event engine', async (t) => {
  const { stdout } = await promisify(execFile)('node', ['scripts/bench-page.mjs', '--milliseconds', '1000'], { cwd: project })
  const lines = stdout.trim().split('\n').map((line) => JSON.parse(line))
  const [speeds, engines] = [lines.filter((line) => line.executor), lines.filter((line) => line.engine)]
  assert.deepEqual(speeds.map((speed) => speed.executor), ['float', 'fixed'])
  for (const { executor, samples_per_second: samples, macs_per_sample: macs, macs_per_second: rate } of speeds) {
    t.diagnostic(`${executor}: ${Math.round(samples)} samples/s, ${(rate / 1e9).toFixed(2)} GMAC/s`)
    assert.ok(samples > 0 && macs > 0 && Math.abs(rate / (samples * macs) - 1) < 1e-6)
  }
  assert.equal(engines.length, 6)
  for (const { engine, machine, schedule, step_cycles: cycles, cycles_per_second: rate } of engines) {
    t.diagnostic(`${engine} engine, ${machine}, ${schedule}: ${(rate / 1e9).toFixed(2)} G cycles/s`)
    assert.ok(cycles > 500_000 && rate > 0)
  }
})
