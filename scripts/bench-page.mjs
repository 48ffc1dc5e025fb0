// Measures both executors in the page's training worker and the accelerator's event engine, in Chromium, and
// prints one object a line:
//
//   node scripts/bench-page.mjs [--root dist] [--milliseconds 3000]

import { parseArgs } from 'node:util'

import { launch } from './chromium.mjs'
import { serve } from './serve.mjs'

const { values } = parseArgs({
  options: {
    root: { type: 'string', default: 'dist' },
    milliseconds: { type: 'string', default: '3000' },
  },
})

let server, browser
try {
  const milliseconds = Number(values.milliseconds)
  if (!(milliseconds >= 1 && milliseconds <= 600_000)) throw new Error('--milliseconds is a number from 1 to 600,000')
  server = await serve({ root: values.root })
  browser = await launch()
  const page = await browser.newPage()
  await page.goto(`${server.url}?testing=1`)
  await page.waitForFunction(() => window.railyard)
  await page.evaluate(() => window.railyard.idle())
  const speeds = JSON.parse(await page.evaluate((milliseconds) => window.railyard.bench(milliseconds), milliseconds))
  for (const speed of speeds) console.log(JSON.stringify({ where: `Chromium ${browser.version()}`, preset: 'paper', ...speed }))
  const engines = JSON.parse(await page.evaluate((milliseconds) => window.railyard.benchAccelerator(milliseconds / 6), milliseconds))
  for (const engine of engines) console.log(JSON.stringify({ where: `Chromium ${browser.version()}`, preset: 'paper', ...engine }))
} catch (error) {
  const reason = error.code === 'ENOENT' ? `there is no folder ${values.root}; run make build first` : error.message
  console.error(`railyard: ${reason}`)
  process.exitCode = 1
} finally {
  await browser?.close()
  await server?.close()
}
