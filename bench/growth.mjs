// Growth: time per sample against rank, modes, batch and cores, natively and in Chromium, beside what the
// operation count predicts.

import { excesses, median } from './arithmetic.mjs'
import { native } from './ours.mjs'

/** One layer between others that cost little: 896 -> 512 -> 10 with every bond of fc1 at `rank`. */
function paper(rank) {
  return {
    pad_columns: 2,
    layers: [
      { in_modes: [7, 4, 2, 16], out_modes: [4, 4, 2, 16], ranks: [rank, rank, rank] },
      { in_modes: [32, 16], out_modes: [1, 16], ranks: [Math.min(rank, 16)] },
    ],
  }
}

/** One tensor-train layer alone; every bond has rank 8. */
function layer(in_modes, out_modes) {
  return { pad_columns: 0, layers: [{ in_modes, out_modes, ranks: in_modes.slice(1).map(() => 8) }] }
}

const power = (count, size) => new Array(count).fill(size)

/**
 * The sweeps: along each axis, points with a label, a size (for the plot) and what differs from preset
 * `paper`.
 */
export const axes = {
  rank: [2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 48, 64].map((rank) => ({
    label: `rank ${rank}`, size: rank, config: { batch: 64, network: paper(rank) },
  })),
  batch: [1, 2, 3, 4, 7, 8, 16, 31, 32, 64, 100, 128, 256, 512, 1024].map((batch) => ({
    label: `batch ${batch}`, size: batch, config: { batch, network: paper(16) },
  })),
  // Three cores of one mode each way, powers of two and odd primes.
  modes: [4, 5, 7, 8, 9, 11, 13, 16, 17, 19].map((mode) => ({
    label: `modes ${mode}`, size: mode, config: { batch: 64, network: layer(power(3, mode), power(3, mode)) },
  })),
  // 4096 inputs and outputs by 2 to 6 cores.
  cores: [[64, 64], [16, 16, 16], [8, 8, 8, 8], [8, 8, 4, 4, 4], [4, 4, 4, 4, 4, 4]].map((modes) => ({
    label: `${modes.length} cores`, size: modes.length, config: { batch: 64, network: layer(modes, modes) },
  })),
}

/** The command line's options for a point. */
function options({ batch, network }, precision) {
  return ['--network', JSON.stringify(network), '--precision', precision, '--batch', `${batch}`]
}

/**
 * Measures every point of every axis `rounds` times by turns.
 * @returns {Promise<object[]>} for each place, precision and axis: points (`label`, `size`, `time` in
 *   seconds a sample, `macs`, `times`) and `pairs` of neighbours with their excess
 */
export async function sweep({ page, program, say, milliseconds = 90, rounds = 5 }) {
  const places = {
    native: async (config, precision) => (await native(program, options(config, precision), milliseconds))[0],
  }
  if (page) {
    places.Chromium = async (config, precision) => (await page.bench(milliseconds, [{ ...config, precision }], 1))[0]
  }
  const found = []
  for (const [where, measure] of Object.entries(places)) {
    for (const precision of ['float', 'fixed']) {
      for (const [axis, list] of Object.entries(axes)) {
        say(`Growth with ${axis}, ${precision}, ${where}`)
        const points = list.map(({ label, size }) => ({ label, size, times: [], macs: 0 }))
        for (let round = 0; round < rounds; round++) {
          for (const [place, { config }] of list.entries()) {
            const speed = await measure(config, precision)
            points[place].times.push(1 / speed.samples_per_second)
            points[place].macs = speed.macs_per_sample
          }
        }
        for (const point of points) point.time = median(point.times)
        found.push({ where, precision, axis, points, pairs: excesses(points) })
      }
    }
  }
  return found
}
