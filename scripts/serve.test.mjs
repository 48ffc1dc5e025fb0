import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

import { serve } from './serve.mjs'

let folder, server

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'railyard-serve-'))
  const root = join(folder, 'dist')
  await mkdir(join(root, 'data'), { recursive: true })
  await writeFile(join(folder, 'secret.txt'), 'secret')
  await writeFile(join(root, 'index.html'), '<!doctype html>')
  await writeFile(join(root, 'page-0123456789abcdef_bg.wasm'), 'wasm')
  await writeFile(join(root, 'data', 'set.rypk'), 'x'.repeat(1000))
  await symlink(join(folder, 'secret.txt'), join(root, 'link.txt'))
  server = await serve({ root })
})

after(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

// `fetch` would tidy the path before sending it.
const get = (path, options = {}) =>
  new Promise((answered, failed) => {
    const { hostname, port } = new URL(server.url)
    request({ hostname, port, path, ...options }, (response) => {
      let body = ''
      response.on('data', (part) => (body += part))
      response.on('end', () => answered({ status: response.statusCode, headers: response.headers, body }))
    })
      .on('error', failed)
      .end()
  })

test('the page and its files come with type and length', async () => {
  const page = await get('/?testing=1')
  assert.equal(page.status, 200)
  assert.match(page.headers['content-type'], /^text\/html/)
  assert.equal(page.headers['cache-control'], 'no-cache')
  const wasm = await get('/page-0123456789abcdef_bg.wasm')
  assert.equal(wasm.headers['content-type'], 'application/wasm')
  assert.match(wasm.headers['cache-control'], /immutable/)
  const data = await get('/data/set.rypk')
  assert.equal(data.headers['content-length'], '1000')
  assert.equal(data.body.length, 1000)
})

test('a file that has not changed is not sent again', async () => {
  const { headers } = await get('/data/set.rypk')
  const again = await get('/data/set.rypk', { headers: { 'If-None-Match': headers.etag } })
  assert.deepEqual([again.status, again.body], [304, ''])
})

test('nothing outside the folder is served', async () => {
  for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/link.txt', '/data/%00', '/%', '/data']) {
    const { status, body } = await get(path)
    assert.equal(status, 404, path)
    assert.doesNotMatch(body, /secret/)
  }
})

test('only reading is served', async () => {
  assert.equal((await get('/', { method: 'POST' })).status, 405)
  const head = await get('/data/set.rypk', { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, '1000', ''])
})
