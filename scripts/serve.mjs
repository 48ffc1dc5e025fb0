// A static file server for the built page, without dependencies:
//
//   node scripts/serve.mjs [--root dist] [--host 127.0.0.1] [--port 8080]
//
// The tests import `serve` and let the system choose a port.

import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const types = {
  '.css': 'text/css; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
}

// Trunk puts a hash of the contents into the names of what it builds: name-0123456789abcdef.js.
const hashed = /-[0-9a-f]{16}(_bg|_later)?\.[a-z]+$/

// What a worker may load; the page's own policy stands in index.html, where the hashes of its scripts are known.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'"

/** The file behind a URL path, or undefined if there is none under `root`. */
async function find(root, path) {
  let wanted
  try {
    wanted = decodeURIComponent(path)
  } catch {
    return undefined
  }
  if (wanted.includes('\0')) return undefined
  try {
    // The real path, so that neither `..` nor a symbolic link leads outside.
    let file = await realpath(join(root, wanted))
    if (file !== root && !file.startsWith(root + sep)) return undefined
    let status = await stat(file)
    if (status.isDirectory()) {
      file = await realpath(join(file, 'index.html'))
      if (!file.startsWith(root + sep)) return undefined
      status = await stat(file)
    }
    return status.isFile() ? { file, status } : undefined
  } catch {
    return undefined
  }
}

function refuse(response, code, text, headers = {}) {
  response.writeHead(code, { 'Content-Type': 'text/plain; charset=utf-8', ...headers })
  response.end(text + '\n')
}

async function answer(root, request, response) {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return refuse(response, 405, 'Only GET and HEAD are served.', { Allow: 'GET, HEAD' })
  }
  const path = request.url.split(/[?#]/, 1)[0]
  const found = await find(root, path)
  if (!found) return refuse(response, 404, 'There is no such file.')

  const { file, status } = found
  // A page without the slash would look for its files one folder too high.
  if (file.endsWith('index.html') && !path.endsWith('/') && !path.endsWith('index.html')) {
    return refuse(response, 301, 'This is a folder.', { Location: './' + path.split('/').pop() + '/' })
  }
  const tag = `"${status.size.toString(16)}-${Math.round(status.mtimeMs).toString(16)}"`
  const headers = {
    'Content-Type': types[extname(file).toLowerCase()] ?? 'application/octet-stream',
    'Cache-Control': hashed.test(file) ? 'public, max-age=31536000, immutable' : 'no-cache',
    ETag: tag,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
  }
  if (headers['Content-Type'].startsWith('text/javascript')) headers['Content-Security-Policy'] = policy
  if (request.headers['if-none-match'] === tag) {
    response.writeHead(304, headers)
    return response.end()
  }
  // Progress bars need the length.
  response.writeHead(200, { ...headers, 'Content-Length': status.size })
  if (request.method === 'HEAD') return response.end()
  // An error here is a reader who left or a file that shrank; either way the connection is closed.
  pipeline(createReadStream(file), response, () => {})
}

/**
 * Serves the folder `root` until `close` is called.
 * @param {{ root: string, host?: string, port?: number }} options port 0 lets the system choose
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function serve({ root, host = '127.0.0.1', port = 0 }) {
  const folder = await realpath(resolve(root))
  const server = createServer((request, response) => {
    answer(folder, request, response).catch(() => response.destroy())
  })
  await new Promise((listening, failed) => {
    server.once('error', failed)
    server.listen(port, host, listening)
  })
  return {
    url: `http://${host}:${server.address().port}/`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed())
        server.closeAllConnections?.()
      }),
  }
}

/** One sentence for what keeps the server from starting. */
function reason(error, { root, host, port }) {
  if (error.code === 'EADDRINUSE') return `port ${port} is in use; choose another, as in: make serve PORT=8081`
  if (error.code === 'EACCES') return `port ${port} may not be opened; choose one from 1024 on`
  if (error.code === 'ENOENT') return `there is no folder ${root}; run make build first`
  return `cannot serve ${root} on ${host}:${port}: ${error.message}`
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      root: { type: 'string', default: 'dist' },
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '8080' },
    },
  })
  const port = Number(values.port)
  try {
    if (values.port.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65535) {
      throw new Error('a port is a whole number from 0 to 65535')
    }
    const { url } = await serve({ ...values, port })
    console.log(`Railyard is at ${url} (Ctrl+C stops it)`)
  } catch (error) {
    console.error(`railyard: ${reason(error, values)}`)
    process.exitCode = 1
  }
}
