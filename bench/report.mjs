// The bench's results as a table in Markdown: what was measured, the goal, and whether it is met.
//
//   node bench/report.mjs target/bench/bench.json [docs/PERFORMANCE.md]
//
// With a document, the table replaces what stands there between the comments `bench` and `/bench`.

import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { fastest, median, ratio, worst } from './arithmetic.mjs'

const grouped = (number) => Math.round(number).toLocaleString('en-GB')

/** The samples whose names begin so. */
function those(samples, start) {
  return Object.fromEntries(Object.entries(samples).filter(([name]) => name.startsWith(start)))
}

/** Ours against the fastest of the peer's variants whose names begin so. */
function against(what, samples, ours, peer, goal) {
  const rival = samples && fastest(those(samples, peer))
  if (!rival || !samples[ours]) return undefined
  const found = ratio(samples[ours], samples[rival])
  const [mine, theirs] = [median(samples[ours]), median(samples[rival])]
  return {
    what,
    measured: `${grouped(mine)} against ${grouped(theirs)} samples/s (${rival.split('/')[1]})`,
    ratio: `${found.toFixed(2)}x`,
    goal: `${goal}x`,
    met: found >= goal,
  }
}

function row(what, measured, found, goal, met) {
  return { what, measured, ratio: found, goal, met }
}

function workerRow(rounds) {
  const rates = (workers) => rounds.map((round) => round.find((found) => found.workers === workers).samples_per_second)
  const found = ratio(rates(2), rates(1))
  const same = rounds.every((round) => round.every(({ checksum }) => checksum === round[0].checksum))
  const measured = `${grouped(median(rates(2)))} against ${grouped(median(rates(1)))} samples/s, ${same ? 'same checksum' : 'DIFFERENT checksums'}`
  return row('two workers against one, in Chromium', measured, `${found.toFixed(2)}x`, '1.7x', found >= 1.7 && same)
}

/** The largest product of `paper` against a loop of multiply and add alone, both in the page. */
function kernelRows(rounds) {
  return rounds[0].map(({ numbers }, place) => {
    const of = (what) => rounds.map((round) => round[place][what])
    const found = ratio(of('product'), of('roofline'))
    const measured = `${(median(of('product')) / 1e9).toFixed(1)} of ${(median(of('roofline')) / 1e9).toFixed(1)} G multiply-accumulates/s`
    return row(`largest product of \`paper\`, ${numbers}, against the roofline`, measured, `${Math.round(100 * found)} %`, '60 %', found >= 0.6)
  })
}

function growthRows(growth) {
  return growth.map(({ where, precision, axis, pairs }) => {
    const { from, to, excess } = worst(pairs, (pair) => pair.excess)
    return row(`growth with ${axis}, ${precision}, ${where}`, `worst from ${from} to ${to}`, `${excess.toFixed(2)}x`, 'at most 1.5x', excess <= 1.5)
  })
}

function startRows({ first_picture_ms: picture, first_step_ms: step, total_gzip: total }) {
  return [
    row('WASM and scripts, gzipped', `${grouped(total / 1000)} kB`, '', '600 kB', total <= 600_000),
    row('first picture after a cold load', `${grouped(picture)} ms`, '', 'under 1 s', picture < 1000),
    row('first trained step after a cold load', `${grouped(step)} ms`, '', 'under 2 s', step < 2000),
  ]
}

function engineRows({ page, native }) {
  const slowest = (rates) => Math.min(...rates)
  const rate = (value) => `${grouped(value / 1e6)} M cycles/s at least`
  const inPage = slowest(page[0].map((_, place) => median(page.map((round) => round[place].cycles_per_second))))
  const of = (engine) => slowest(native.filter((found) => found.engine === engine).map((found) => found.cycles_per_second))
  return [
    row('event engine, in Chromium', rate(inPage), '', '1,000 M', inPage >= 1e9),
    row('event engine, natively', rate(of('event')), '', '1,000 M', of('event') >= 1e9),
    row('tick engine, natively', rate(of('tick')), '', '5 M', of('tick') >= 5e6),
  ]
}

/** Every row of the goals for which there are results. */
export function rows(results) {
  const { tt, dense, workers, kernels, growth, start, engines } = results
  const found = [
    against('`paper`, float, Chromium, against TensorFlow.js as written', tt, 'page/float', 'tfjs/written', 8),
    against('`paper`, float, Chromium, against TensorFlow.js tuned by hand', tt, 'page/float', 'tfjs/tuned', 2.5),
    against('`paper`, float, Chromium, against native PyTorch', tt, 'page/float', 'torch/', 0.6),
    against('dense, float, Chromium, against TensorFlow.js as written', dense, 'page/float', 'tfjs/written', 5),
    against('dense, float, Chromium, against TensorFlow.js tuned by hand', dense, 'page/float', 'tfjs/tuned', 2),
    against('`paper`, float, native, against PyTorch', tt, 'native/float', 'torch/', 1.2),
    against('`paper`, fixed 4/8/16, native, against PyTorch', tt, 'native/fixed', 'torch/', 1.2),
    against('`paper`, fixed 4/8/16 against float, Chromium', tt, 'page/fixed', 'page/float', 1),
    ...(workers ? [workerRow(workers)] : []),
    ...(kernels ? kernelRows(kernels) : []),
    ...(growth ? growthRows(growth) : []),
    ...(start ? startRows(start) : []),
    ...(engines ? engineRows(engines) : []),
  ]
  return found.filter((row) => row)
}

/** All contenders of a network, the fastest first. */
function contenders(title, samples) {
  const names = Object.keys(samples).sort((a, b) => median(samples[b]) - median(samples[a]))
  const lines = names.map((name) => {
    const [low, high] = [Math.min(...samples[name]), Math.max(...samples[name])]
    return `| ${name.replace('/', ': ')} | ${grouped(median(samples[name]))} | ${grouped(low)} to ${grouped(high)} |`
  })
  return ['', `| ${title} | samples/s | rounds |`, '| --- | ---: | --- |', ...lines]
}

/** The results in Markdown. */
export function table(results) {
  const { growth, load, machine, versions } = results
  const lines = [
    `Measured ${results.date.slice(0, 10)} on ${machine.processor}, ${machine.cores} cores, ${machine.system}; medians of ${results.rounds} rounds${growth ? ` (growth: of ${growth[0].points[0].times.length})` : ''}${load === undefined ? '' : `; load average before ${load.toFixed(1)}`}.`,
    `${Object.values(versions).join('; ')}.`,
    '',
    '| measured | figures | ratio | goal | |',
    '| --- | --- | ---: | ---: | --- |',
    ...rows(results).map(({ what, measured, ratio, goal, met }) => `| ${what} | ${measured} | ${ratio} | ${goal} | ${met ? 'met' : 'NOT MET'} |`),
    ...(results.tt ? contenders('Tensor train `paper`, batch 64', results.tt) : []),
    ...(results.dense ? contenders('Dense 784-512-10, batch 64', results.dense) : []),
    ...results.missing.map((name) => `\nNot measured: ${name}.`),
  ]
  return lines.join('\n')
}

/** A document with its table replaced. */
export function inPlace(document, found) {
  const [before, rest] = document.split(/(?<=<!-- bench:[^>]*-->\n)/)
  const end = rest?.indexOf('<!-- /bench -->') ?? -1
  if (end < 0) throw new Error('the document has no comments bench and /bench')
  return `${before}\n${found}\n\n${rest.slice(end)}`
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [from = 'target/bench/bench.json', document] = process.argv.slice(2)
  const found = table(JSON.parse(readFileSync(from, 'utf8')))
  if (document) writeFileSync(document, inPlace(readFileSync(document, 'utf8'), found))
  else console.log(found)
}
