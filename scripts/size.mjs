// The built page's programs and scripts: what a visitor downloads before anything is seen, and what a tab fetches later.

import { readFile, readdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

/**
 * Every program and script of a built page.
 * @param {string} root the folder it was built into
 * @returns {Promise<{ name: string, bytes: number, gzip: number }[]>} sizes as they are and compressed as `gzip -9` does
 */
export async function programs(root) {
  const names = (await readdir(root, { recursive: true })).filter((name) => ['.wasm', '.js', '.mjs'].includes(extname(name)))
  return Promise.all(
    names.sort().map(async (name) => {
      const contents = await readFile(join(root, name))
      return { name, bytes: contents.length, gzip: gzipSync(contents, { level: 9 }).length }
    }),
  )
}

/** The Compare tab's program, and what of the page's own is fetched when another tab than the first is opened. */
export const compare = /^(railyard-)?compare/
export const second = /^railyard-page.*_later\.wasm$/
/** What is not fetched before another tab than the first is opened. */
export const later = new RegExp(`${compare.source}|${second.source}`)

/** The sum of the compressed sizes of the files whose names `which` matches. */
export const gzipped = (files, which = /./) =>
  files.filter(({ name }) => which.test(name)).reduce((sum, { gzip }) => sum + gzip, 0)
