// The last step of scripts/package.sh: makes the program small and adds what makes a folder a package.

import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

import { features } from './features.mjs'

const folder = 'pkg'
const program = `${folder}/railyard_bg.wasm`
const passes = ['-Oz', '--strip-debug', '--strip-producers']
execFileSync('wasm-opt', [...features, ...passes, program, '-o', program])
// What a Rust reader looks for under a heading, an editor looks for in a tag.
const types = `${folder}/railyard.d.ts`
writeFileSync(types, readFileSync(types, 'utf8').replace(/\* # Errors\n +\* /g, '* @throws '))
// The program's own exports concern the script alone.
rmSync(`${program}.d.ts`, { force: true })

const [, version] = readFileSync('Cargo.toml', 'utf8').match(/^version = "(.+)"$/m)
const [, description] = readFileSync('Cargo.toml', 'utf8').match(/^description = "(.+)"$/m)
mkdirSync(`${folder}/data`, { recursive: true })
const manifest = {
  name: 'railyard',
  version,
  description,
  license: 'MIT',
  type: 'module',
  main: './railyard.js',
  types: './railyard.d.ts',
  exports: {
    '.': { types: './railyard.d.ts', default: './railyard.js' },
    './railyard_bg.wasm': './railyard_bg.wasm',
    './data/*': './data/*',
    './package.json': './package.json',
  },
  files: ['railyard.js', 'railyard.d.ts', 'railyard_bg.wasm', 'data'],
  sideEffects: false,
}
writeFileSync(`${folder}/package.json`, `${JSON.stringify(manifest, undefined, 2)}\n`)
for (const [from, to] of [
  ['docs/PACKAGE.md', 'README.md'],
  ['LICENSE', 'LICENSE'],
  ['assets/fashion-mnist-subset.rypk', 'data/fashion-mnist-subset.rypk'],
  ['assets/LICENSE-fashion-mnist.txt', 'data/LICENSE-fashion-mnist.txt'],
]) {
  copyFileSync(from, `${folder}/${to}`)
}
