// What the tests of the package share: the package in Node, its data, and the command line.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const project = fileURLToPath(new URL('../../', import.meta.url))
/** The built package. */
export const pkg = join(project, 'pkg')
/** Runs a program; gives what it prints. */
export const run = async (program, ...options) => (await promisify(execFile)(program, options, { cwd: project, maxBuffer: 1 << 28 })).stdout

/** Runs the command line with `--json`; gives the objects it prints. */
export async function commandLine(...options) {
  const railyard = process.env.RAILYARD_BIN || join(project, 'target/release/railyard')
  const printed = await run(railyard, ...options, '--json')
  return printed.trim().split('\n').map((line) => JSON.parse(line))
}

/** A folder that is removed after the tests of a file. */
export async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'railyard-package-'))
  after(() => rm(path, { recursive: true, force: true }))
  return path
}

/** The package, ready for use. */
export async function load() {
  const railyard = await import(join(pkg, 'railyard.js'))
  railyard.initSync({ module: await readFile(join(pkg, 'railyard_bg.wasm')) })
  return railyard
}

/** The data set that the package brings along. */
export const subset = async ({ Data }) => Data.packed(await readFile(join(pkg, 'data/fashion-mnist-subset.rypk')))

/** Advances to the end, or until `enough` holds of what was done; gives all that was done. */
export function train(trainer, enough = () => false) {
  const done = []
  do done.push(trainer.advance())
  while (done.at(-1).kind !== 'finished' && !enough(done.at(-1)))
  return done
}
