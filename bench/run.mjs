// The whole bench: ours and the peers' by turns within one run, so that ratios are fair on a machine that
// does other things too. Writes target/bench/bench.json and prints the table of bench/report.mjs.
//
//   node bench/run.mjs --program target/release/railyard [--python bench/.venv/bin/python]
//                      [--only tt,dense,native,workers,kernels,growth,start,engines]
//                      [--rounds 5] [--milliseconds 1000] [--out target/bench/bench.json]

import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs, promisify } from 'node:util'

import { sweep } from './growth.mjs'
import { native, openPage } from './ours.mjs'
import { openTfjs, openTorch } from './peers.mjs'
import { lossOf } from './reference.mjs'
import { table } from './report.mjs'

const parts = ['tt', 'dense', 'native', 'workers', 'kernels', 'growth', 'start', 'engines']

const { values } = parseArgs({
  options: {
    program: { type: 'string', default: 'target/release/railyard' },
    root: { type: 'string', default: 'dist' },
    python: { type: 'string', default: '' },
    only: { type: 'string', default: parts.join() },
    rounds: { type: 'string', default: '5' },
    milliseconds: { type: 'string', default: '1000' },
    out: { type: 'string', default: 'target/bench/bench.json' },
  },
})

const say = (sentence) => console.error(`==> ${sentence}`)

/** A whole number of an option. */
function count(name, least, most) {
  const number = Number(values[name])
  if (!(Number.isInteger(number) && number >= least && number <= most)) {
    throw new Error(`--${name} is a whole number from ${least} to ${most}`)
  }
  return number
}

/** Opens a peer and holds it against the reference; a peer that cannot be had is told and left out. */
async function openPeer(name, open) {
  let peer
  try {
    peer = await open()
    for (const variant of peer.variants) {
      const { loss, gradient } = await peer.check(variant)
      const wanted = lossOf(variant.network)
      if (!(Math.abs(loss - wanted) < 1e-4 && gradient > 0)) {
        throw new Error(`its ${variant.network} (${variant.label}) has loss ${loss}, and an explicit W ${wanted}`)
      }
      variant.checked = { loss, gradient }
    }
    say(`${peer.version}: ${peer.variants.length} variants, each with the loss of an explicit W`)
    return peer
  } catch (error) {
    say(`${name} is left out: ${error.message.split('\n')[0]}`)
    await peer?.close()
    return undefined
  }
}

/** Measures contenders, given as name -> function to a number, by turns. */
async function byTurns(contenders, rounds) {
  const samples = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, measure] of Object.entries(contenders)) samples[name].push(await measure())
  }
  return samples
}

/** Ours and the peers' variants of a network as contenders. */
function contenders(network, preset, { page, peers, milliseconds }) {
  const found = {}
  for (const precision of ['float', 'fixed']) {
    const options = ['--preset', preset, '--precision', precision]
    found[`native/${precision}`] = async () => (await native(values.program, options, milliseconds))[0].samples_per_second
    if (page) {
      const config = { preset, precision }
      found[`page/${precision}`] = async () => (await page.bench(milliseconds, [config], 1))[0].samples_per_second
    }
  }
  for (const peer of peers) {
    for (const variant of peer.variants.filter((variant) => variant.network === network)) {
      found[`${peer.name}/${variant.label}`] = () => peer.measure(variant, milliseconds)
    }
  }
  return found
}

/** Criterion's estimates of the accelerator's engines, in simulated cycles per second. */
async function nativeEngines() {
  const run = promisify(execFile)
  await run('cargo', ['bench', '--quiet', '--bench', 'accel'], { maxBuffer: 1 << 26 })
  const folder = join(process.env.CARGO_TARGET_DIR || 'target', 'criterion')
  const read = async (...path) => JSON.parse(await readFile(join(folder, ...path), 'utf8'))
  const found = []
  for (const engine of ['event', 'tick']) {
    for (const machine of ['published', 'overlapped', 'streamlined']) {
      const at = [`${engine}_${machine}`, 'step', 'new']
      const [benchmark, estimates] = [await read(...at, 'benchmark.json'), await read(...at, 'estimates.json')]
      const cycles = benchmark.throughput.Elements
      found.push({ engine, machine, cycles_per_second: (cycles * 1e9) / estimates.median.point_estimate })
    }
  }
  return found
}

async function main() {
  const only = values.only.split(',')
  const unknown = only.find((part) => !parts.includes(part))
  if (unknown !== undefined) throw new Error(`--only ${unknown}: choose from ${parts.join(', ')}`)
  const [rounds, milliseconds] = [count('rounds', 1, 100), count('milliseconds', 50, 60_000)]
  const wants = (...names) => names.some((name) => only.includes(name))

  const results = {
    date: new Date().toISOString(),
    machine: { processor: cpus()[0].model.trim(), cores: cpus().length, memory_bytes: totalmem(), system: `${process.platform} ${release()}` },
    // Of the minute before: about 0 on a machine that does nothing else.
    load: loadavg()[0],
    versions: { node: process.version },
    rounds,
    milliseconds,
    missing: [],
  }
  const opened = []
  try {
    const open = async (name, how) => {
      const peer = await openPeer(name, how)
      if (peer) {
        opened.push(peer)
        results.versions[peer.name] = peer.version
      } else {
        results.missing.push(name)
      }
      return peer
    }
    let page
    if (wants('tt', 'dense', 'workers', 'kernels', 'growth', 'engines')) {
      page = await openPage(values.root)
      opened.push(page)
      results.versions.page = page.version
    }
    const peers = []
    if (wants('tt', 'dense')) peers.push(await open('TensorFlow.js', openTfjs))
    if (wants('tt', 'dense', 'native')) peers.push(await open('PyTorch', () => openTorch(values.python || 'python3')))
    const present = peers.filter((peer) => peer)
    results.checks = Object.fromEntries(present.map((peer) => [peer.name, peer.variants]))

    if (wants('tt', 'native')) {
      say('Tensor train, preset paper, batch 64')
      const given = { page: wants('tt') ? page : undefined, peers: present, milliseconds }
      results.tt = await byTurns(contenders('tt', 'paper', given), rounds)
    }
    if (wants('dense')) {
      say('Dense 784-512-10, batch 64')
      results.dense = await byTurns(contenders('dense', 'dense', { page, peers: present, milliseconds }), rounds)
    }
    if (wants('workers')) {
      say('Two workers against one, in the page')
      results.workers = []
      for (let round = 0; round < rounds; round++) results.workers.push(await page.workers(milliseconds))
    }
    if (wants('kernels')) {
      say('Kernels against the roofline')
      results.kernels = []
      for (let round = 0; round < rounds; round++) results.kernels.push(await page.kernels(milliseconds))
    }
    if (wants('growth')) {
      say('Growth with rank, modes, batch and cores')
      results.growth = await sweep({ page, program: values.program, say })
    }
    if (wants('engines')) {
      say("The accelerator's engines")
      results.engines = { page: [], native: await nativeEngines() }
      for (let round = 0; round < rounds; round++) results.engines.page.push(await page.engines(milliseconds / 6))
    }
    if (wants('start')) {
      say('Size and start')
      const start = promisify(execFile)('node', ['scripts/bench-start.mjs', '--root', values.root, '--json'])
      const answer = await start.catch((error) => {
        say(`Size and start are left out: ${error.message.trim().split('\n').at(-1)}`)
        results.missing.push('size and start')
      })
      if (answer) results.start = JSON.parse(answer.stdout)
    }
  } finally {
    for (const held of opened) await held.close()
  }
  await mkdir(dirname(values.out), { recursive: true })
  await writeFile(values.out, JSON.stringify(results, null, 1) + '\n')
  console.log(table(results))
  say(`Every sample is in ${values.out}`)
}

main().catch((error) => {
  const reason = error.code === 'ENOENT' ? `${error.path ?? values.root} is not there; run make bench, which builds it` : error.message
  console.error(`railyard: ${reason}`)
  process.exitCode = 1
})
