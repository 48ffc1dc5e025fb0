// A second visit without a network, and a newer version.

import assert from 'node:assert/strict'
import { appendFile, cp } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import { serve } from '../../scripts/serve.mjs'
import { seal } from '../../scripts/offline.mjs'
import { folder, project, stage } from './support.mjs'

const root = copy()
const { visit } = stage({ root })

async function copy() {
  const root = await folder()
  await cp(join(project, 'dist'), root, { recursive: true, filter: (path) => !path.includes('/dist/data') })
  return root
}

/** Waits until everything is kept. */
const kept = (page) =>
  page.evaluate(async () => {
    await navigator.serviceWorker.ready
    while (!navigator.serviceWorker.controller) await new Promise((resolve) => setTimeout(resolve, 20))
  })

const search = '?testing=1&offline=1'

test('after one visit the page works without a network: every tab, and training to the same bits', async (t) => {
  // A server of its own, which goes away.
  const server = await serve({ root: await root })
  let open = true
  t.after(() => open && server.close())
  const visitor = await visit(t, { search })
  const { page } = visitor
  await page.goto(server.url + search)
  await page.waitForFunction(() => window.railyard)
  await visitor.idle()
  const settings = { preset: 'tiny', precision: 'fixed', ranks: 'stay', epochs: 1, seed: 3 }
  await visitor.set(settings)
  const { checksum } = await visitor.train()
  await kept(page)
  await server.close()
  open = false

  await page.goto(server.url + search)
  await page.waitForFunction(() => window.railyard)
  await visitor.idle()
  await visitor.set(settings)
  assert.equal((await visitor.train()).checksum, checksum)
  await page.click('#tab-accelerator')
  await page.waitForSelector('#timeline-title')
  await page.click('#tab-board')
  await page.waitForSelector('.panel.board')
  await page.getByRole('button', { name: 'Use the virtual board', exact: true }).first().click()
  await visitor.untilBoard((board) => board.connection === 'open')
  await page.click('#tab-compare')
  await page.waitForSelector('#methods-table')
  await page.click('#tab-learn')
  await page.waitForSelector('#lesson-title')
})

test('a newer version is told, and comes when it is wanted', async (t) => {
  const changed = await copy()
  const server = await serve({ root: changed })
  t.after(() => server.close())
  const visitor = await visit(t, { search })
  const { page } = visitor
  await page.goto(server.url + search)
  await page.waitForFunction(() => window.railyard)
  await visitor.idle()
  await kept(page)
  const before = await page.evaluate(() => caches.keys())
  await appendFile(join(changed, 'assets/icon.svg'), '<!-- newer -->\n')
  seal(changed)
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update())
  await page.getByText('A newer version of Railyard is there.').waitFor()
  assert.deepEqual(await page.evaluate(() => fetch('assets/icon.svg').then((answer) => answer.text()).then((text) => text.includes('newer'))), false, 'a page keeps to its version')
  await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: 'Reload' }).click()])
  await page.waitForFunction(() => window.railyard)
  assert.equal(await page.evaluate(() => fetch('assets/icon.svg').then((answer) => answer.text()).then((text) => text.includes('newer'))), true)
  const after = await page.evaluate(() => caches.keys())
  assert.equal(after.length, before.length)
  assert.notDeepEqual(after, before)
})

test('it can be installed', async (t) => {
  const { page } = await visit(t, { search })
  const manifest = await page.evaluate(async () => {
    const link = document.querySelector('link[rel=manifest]')
    return (await fetch(link.href)).json()
  })
  assert.equal(manifest.display, 'standalone')
  for (const icon of manifest.icons) {
    const size = await page.evaluate(async (src) => {
      const image = new Image()
      image.src = src
      await image.decode()
      return image.naturalWidth
    }, icon.src)
    if (icon.sizes !== 'any') assert.equal(`${size}x${size}`, icon.sizes)
  }
})
