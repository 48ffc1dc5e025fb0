// Measures cold starts of the built page in Chromium, each with a profile of its own: the time until the recorded
// run is drawn, the time until the first step is trained when training starts at once, and what is downloaded
// before. Prints medians:
//
//   node scripts/bench-start.mjs [--root dist] [--times 5] [--json]

import { parseArgs } from 'node:util'

import { launch } from './chromium.mjs'
import { serve } from './serve.mjs'
import { gzipped, later, programs } from './size.mjs'

const { values } = parseArgs({
  options: {
    root: { type: 'string', default: 'dist' },
    times: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
})

/** In the page: notes when the recorded run is first on the screen, and when a first step is trained. */
function watch() {
  const noted = (window.noted = {})
  const painted = (done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())))
  const drawn = () => {
    const canvas = document.querySelector('canvas.cars')
    return canvas && canvas.width > 300 && window.railyard && JSON.parse(window.railyard.state()).phase === 'example'
  }
  const look = () => {
    if (!noted.picture && drawn()) {
      noted.picture = -1
      painted((at) => (noted.picture = at))
    }
    if (noted.train && !noted.asked) {
      // While the recorded run is fetched, the same button cancels.
      const button = document.querySelector('button.go')
      if (window.railyard && button?.textContent.includes('Train') && !button.disabled) {
        noted.asked = performance.now()
        button.click()
      }
    }
    if (noted.asked && !noted.step) {
      const { phase, origin, step } = JSON.parse(window.railyard.state())
      if (phase === 'running' && origin !== 'example' && step > 0) noted.step = performance.now()
    }
    if (!(noted.picture > 0) || (noted.train && !noted.step)) setTimeout(look, 2)
  }
  noted.train = location.search.includes('start=train')
  addEventListener('DOMContentLoaded', look)
}

/** One cold load; milliseconds since navigation began. */
async function load(url, search) {
  const browser = await launch()
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    await page.addInitScript(watch)
    await page.goto(url + search)
    const wanted = search ? 'step' : 'picture'
    await page.waitForFunction((wanted) => window.noted?.[wanted] > 0, wanted, { timeout: 60_000 })
    return await page.evaluate((wanted) => window.noted[wanted], wanted)
  } finally {
    await browser.close()
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]

let server
try {
  const times = Number(values.times)
  if (!(times >= 1 && times <= 100)) throw new Error('--times is a number from 1 to 100')
  const files = (await programs(values.root)).filter(({ name }) => !later.test(name))
  server = await serve({ root: values.root })
  const [pictures, steps] = [[], []]
  for (let time = 0; time < times; time += 1) {
    pictures.push(await load(server.url, ''))
    steps.push(await load(server.url, '?start=train'))
  }
  const measured = {
    first_picture_ms: Math.round(median(pictures)),
    first_step_ms: Math.round(median(steps)),
    wasm_gzip: gzipped(files, /\.wasm$/),
    script_gzip: gzipped(files, /\.m?js$/),
    total_gzip: gzipped(files),
  }
  if (values.json) {
    console.log(JSON.stringify(measured))
  } else {
    console.log(`first picture ${measured.first_picture_ms} ms, first trained step ${measured.first_step_ms} ms (medians of ${times} cold loads)`)
    console.log(`compressed: ${measured.wasm_gzip} bytes of WASM, ${measured.script_gzip} of scripts, ${measured.total_gzip} in all`)
  }
} catch (error) {
  const reason = error.code === 'ENOENT' ? `there is no folder ${values.root}; run make build first` : error.message
  console.error(`railyard: ${reason}`)
  process.exitCode = 1
} finally {
  await server?.close()
}
