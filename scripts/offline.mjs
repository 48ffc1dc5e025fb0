// Trunk's last step after shrink.mjs: the list of what is kept for a visit without a network, and the policy that
// says what the page may load.
//
//   TRUNK_STAGING_DIR=dist node scripts/offline.mjs

import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join, sep } from 'node:path'

const hash = (of, algorithm, form) => createHash(algorithm).update(of).digest(form)

/** The policy of a page with these inline scripts: everything from its own origin, nothing else. */
export const policy = (scripts) =>
  [
    "default-src 'none'",
    `script-src 'self' 'wasm-unsafe-eval'${scripts.map((script) => ` 'sha256-${hash(script, 'sha256', 'base64')}'`).join('')}`,
    "worker-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data: blob:",
    "style-src 'self'",
    // Bars are as wide as their figures.
    "style-src-attr 'unsafe-inline'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')

const mark = '<meta http-equiv="Content-Security-Policy"'

/** Writes the list and the policy into a built page. */
export function seal(folder) {
  const index = join(folder, 'index.html')
  let html = readFileSync(index, 'utf8').replace(new RegExp(`\\s*${mark}[^>]*>`), '')
  if (!html.includes('src="offline.js"')) html = html.replace('</head>', '<script type="module" src="offline.js"></script>\n</head>')
  const inline = [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([^]*?)<\/script>/g)].map((match) => match[1])
  html = html.replace(/<meta charset="utf-8"\s*\/?>/, (charset) => `${charset}\n    ${mark} content="${policy(inline)}">`)
  writeFileSync(index, html)

  // Full data sets are fetched when they are asked for; what stands on its own is no part of the page.
  const left = /^(data\/|service-worker\.js$)/
  const files = readdirSync(folder, { recursive: true })
    .filter((name) => statSync(join(folder, name)).isFile())
    .map((name) => name.split(sep).join('/'))
    .filter((name) => !left.test(name))
    .sort()
  const sums = files.map((name) => `${name} ${hash(readFileSync(join(folder, name)), 'sha256', 'hex')}`)
  const kept = { version: hash(sums.join('\n'), 'sha256', 'hex').slice(0, 16), files }
  const worker = join(folder, 'service-worker.js')
  writeFileSync(worker, readFileSync(worker, 'utf8').replace(/^const kept = .*$/m, `const kept = ${JSON.stringify(kept)}`))
}

if (process.env.TRUNK_STAGING_DIR && process.env.TRUNK_PROFILE !== 'debug') seal(process.env.TRUNK_STAGING_DIR)
