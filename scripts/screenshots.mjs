// Takes the pictures of README.md from the built page, in Chromium, at 1440 x 900:
//
//   CHROMIUM=$(command -v chromium) node scripts/screenshots.mjs [--root dist] [--to docs]

import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { launch } from './chromium.mjs'
import { serve } from './serve.mjs'

const { values } = parseArgs({ options: { root: { type: 'string', default: 'dist' }, to: { type: 'string', default: 'docs' } } })
const server = await serve({ root: values.root })
const browser = await launch()

/** Opens the page and takes a picture once `ready` is through. */
async function take(name, hash, ready) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' })
  const page = await context.newPage()
  await page.goto(`${server.url}?testing=1${hash}`)
  await page.waitForFunction(() => window.railyard)
  await page.evaluate(() => window.railyard.idle())
  await ready(page)
  await page.waitForTimeout(500)
  await page.screenshot({ path: join(values.to, `${name}.png`) })
  await context.close()
}

try {
  await take('screenshot', '', (page) => page.waitForSelector('.figure'))
  await take('accelerator', '#tab=accelerator', (page) => page.waitForSelector('#timeline-title'))
  await take('board', '#tab=board', async (page) => {
    await page.getByRole('button', { name: 'Use the virtual board', exact: true }).first().click()
    // The policy forbids the page to make functions of text, so it is asked anew.
    while (JSON.parse(await page.evaluate(() => window.railyard.board())).connection !== 'open') await page.waitForTimeout(50)
    await page.check('#board-place-board', { force: true })
    await page.click('#train')
    await page.waitForTimeout(15_000)
  })
  await take('compare', '#tab=compare', async (page) => {
    await page.waitForSelector('#methods-table')
    await page.waitForSelector('.dot')
  })
  await take('learn', '#tab=learn&step=weight', (page) => page.waitForSelector('#lesson-title'))
} finally {
  await browser.close()
  await server.close()
}
