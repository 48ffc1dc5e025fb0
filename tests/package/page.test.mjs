// The package in Chromium: on a page that has nothing else, and on the minimal page.

import assert from 'node:assert/strict'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

import { launch } from '../../scripts/chromium.mjs'
import { serve } from '../../scripts/serve.mjs'
import { commandLine, folder, pkg, project } from './support.mjs'

const root = await folder()
let browser, server
before(async () => {
  await cp(pkg, join(root, 'node_modules/railyard'), { recursive: true })
  const fresh = `<!doctype html><html lang="en"><title>Fresh</title><link rel="icon" href="data:,">
    <script type="importmap">{"imports": {"railyard": "./node_modules/railyard/railyard.js"}}</script><script type="module" src="fresh.js"></script>`
  await writeFile(join(root, 'index.html'), fresh)
  await writeFile(join(root, 'fresh.js'), `import init, * as railyard from 'railyard'\nwindow.railyard = init().then(() => railyard)\n`)
  for (const name of ['embed.html', 'embed.js', 'embed.css']) await cp(join(project, 'www', name), join(root, 'www', name))
  await cp(pkg, join(root, 'pkg'), { recursive: true })
  server = await serve({ root })
  browser = await launch()
})
after(async () => {
  await browser?.close()
  await server?.close()
})

/** A page at a path; the test fails if anything goes wrong in it, or if it asks another origin. */
async function open(t, path, options) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const faults = []
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && faults.push(message.text()))
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('request', (request) => request.url().startsWith(server.url) || /^(data|blob):/.test(request.url()) || faults.push(request.url()))
  t.after(async () => {
    await context.close()
    assert.deepEqual(faults, [], 'nothing went wrong unseen')
  })
  await page.goto(server.url + path)
  return page
}

/** Checksums after each epoch by the command line. */
async function checksums(epochs) {
  const lines = await commandLine('train', '--preset', 'tiny', '--precision', 'fixed', '--epochs', String(epochs))
  return lines.filter((line) => 'test_accuracy' in line).map((line) => line.checksum)
}

test('a fresh page with nothing but the package trains tiny to the command line’s bits', async (t) => {
  const page = await open(t, '')
  const found = await page.evaluate(async () => {
    const { Data, Trainer, preset } = await window.railyard
    const file = await fetch('node_modules/railyard/data/fashion-mnist-subset.rypk')
    const data = Data.packed(new Uint8Array(await file.arrayBuffer()))
    const trainer = new Trainer({ ...preset('tiny', 'fixed'), epochs: 2 }, data)
    const epochs = []
    for (let done; (done = trainer.advance()).kind !== 'finished'; ) if (done.kind === 'epoch') epochs.push(done)
    return epochs
  })
  assert.deepEqual(found.map((epoch) => epoch.checksum), await checksums(2))
  assert.ok(found[1].test_accuracy > 0.7)
})

test('the minimal page trains, stops, goes on, and saves what it trained', async (t) => {
  const page = await open(t, 'www/embed.html', { acceptDownloads: true })
  await page.waitForFunction(() => !document.querySelector('#train').disabled)
  assert.match(await page.textContent('#status'), /6,000 training and 1,000 test images/)
  assert.match(await page.textContent('#plan'), /parameters; training holds [\d,]+ bytes \(counted\) and takes [\d,]+ cycles a sample on a 16 x 8 array \(modelled\)/)
  // Stopped by the page itself after its first slice: all of it takes less than a second.
  await page.evaluate(() => {
    const status = document.querySelector('#status')
    new MutationObserver((_, observer) => {
      observer.disconnect()
      document.querySelector('#stop').click()
    }).observe(status, { childList: true })
  })
  await page.click('#train')
  await page.waitForFunction(() => !document.querySelector('#train').disabled)
  const stood = await page.evaluate(() => document.querySelector('#progress').value)
  await page.waitForTimeout(200)
  assert.equal(await page.evaluate(() => document.querySelector('#progress').value), stood, 'it stands')
  assert.ok(stood > 0 && stood < 282, `at step ${stood}`)
  await page.click('#train')
  await page.waitForFunction(() => document.querySelector('#status').textContent.startsWith('Trained.'), undefined, { timeout: 60_000 })
  assert.equal(await page.locator('#epochs tr').count(), 3)
  const [, , last] = await checksums(3)
  assert.match(await page.textContent('#status'), new RegExp(last))
  const coming = page.waitForEvent('download')
  await page.click('#save')
  const file = await readFile(await (await coming).path())
  assert.match(file.toString('latin1', 8, 400), /railyard/)
})

test('the minimal page is accessible, light and dark', async (t) => {
  const axe = await readFile(join(project, 'node_modules/axe-core/axe.min.js'), 'utf8')
  for (const colorScheme of ['light', 'dark']) {
    const page = await open(t, 'www/embed.html', { colorScheme, bypassCSP: true })
    await page.waitForFunction(() => !document.querySelector('#train').disabled)
    await page.evaluate(axe)
    const { violations } = await page.evaluate(() => window.axe.run())
    assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), [])
  }
})

test('the minimal page says why nothing can be trained', async (t) => {
  const context = await browser.newContext()
  t.after(() => context.close())
  const page = await context.newPage()
  await page.route('**/*.rypk', (route) => route.fulfill({ status: 404, body: 'none' }))
  await page.goto(`${server.url}www/embed.html`)
  await page.waitForFunction(() => document.querySelector('#status').textContent.includes('could not be fetched (status 404)'))
})
