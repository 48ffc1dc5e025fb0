// What the bench asks of the page: speeds of any configuration, and of the event engine.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { join } from 'node:path'

import { openPage } from '../../bench/ours.mjs'
import { project } from './support.mjs'

let page
before(async () => (page = await openPage(join(project, 'dist'))))
after(() => page?.close())

test('samples and multiply-accumulates per second of both executors', async (t) => {
  const speeds = await page.bench(1000)
  assert.deepEqual(speeds.map((speed) => speed.executor), ['float', 'fixed'])
  for (const speed of speeds) {
    const { executor, samples_per_second: samples, macs_per_sample: macs, macs_per_second: rate } = speed
    t.diagnostic(`${executor}: ${Math.round(samples)} samples/s, ${(rate / 1e9).toFixed(2)} GMAC/s`)
    assert.ok(samples > 0 && macs > 0 && Math.abs(rate / (samples * macs) - 1) < 1e-6)
    assert.ok(speed.slowest <= samples && samples <= speed.fastest)
    assert.deepEqual([speed.network, speed.batch, speed.schedule], ['paper', 64, 'planned'])
  }
})

test('any configuration can be measured, and a wrong one is refused in a sentence', async () => {
  const network = { pad_columns: 0, layers: [{ in_modes: [3, 5], out_modes: [2, 5], ranks: [2] }] }
  const configs = [{ preset: 'dense', precision: 'float', batch: 8 }, { network, precision: 'fixed', schedule: 'chain' }]
  const [dense, own] = await page.bench(100, configs, 1)
  assert.deepEqual([dense.network, dense.batch, dense.parameters], ['dense', 8, 784 * 512 + 512 + 5120 + 10])
  assert.deepEqual([own.network, own.executor, own.schedule], ['3x5>2x5 r2', 'fixed', 'chain'])
  await assert.rejects(page.bench(100, [{ batch: 5000 }]), /5000 samples a batch; choose 1 to 1,024/)
})

test('cycles per second of the event engine', async (t) => {
  const engines = await page.engines(150)
  assert.equal(engines.length, 6)
  for (const { engine, machine, schedule, step_cycles: cycles, cycles_per_second: rate } of engines) {
    t.diagnostic(`${engine} engine, ${machine}, ${schedule}: ${(rate / 1e9).toFixed(2)} G cycles/s`)
    assert.ok(cycles > 500_000 && rate > 0)
  }
})

test('the kernels beside a roofline of the same vectors', async (t) => {
  const kernels = await page.kernels(400)
  assert.deepEqual(kernels.map(({ numbers }) => numbers), ['f32', 'i16'])
  for (const { numbers, roofline, product } of kernels) {
    t.diagnostic(`${numbers}: ${(product / 1e9).toFixed(1)} of ${(roofline / 1e9).toFixed(1)} G multiply-accumulates/s`)
    // Slower than one a microsecond, nothing was multiplied.
    assert.ok(roofline > 1e6 && product > 1e6)
  }
})
