// The peers as the bench drives them: TensorFlow.js in a page of Chromium, PyTorch in a process of its own.
// Each peer has a name, versions, a list of variants with `label` and `network`, and answers to
// `check(variant)` and `measure(variant, milliseconds)`.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { launch } from '../scripts/chromium.mjs'
import { serve } from '../scripts/serve.mjs'

const folder = fileURLToPath(new URL('.', import.meta.url))

/** TensorFlow.js with its WASM backend: SIMD, one thread, its files served from node_modules. */
export async function openTfjs() {
  const server = await serve({ root: folder })
  const browser = await launch()
  try {
    const page = await browser.newPage()
    await page.goto(`${server.url}tfjs.html`)
    await page.waitForFunction(() => window.peer)
    const { version, backend, simd, threads } = await page.evaluate(() => window.peer.ready())
    if (backend !== 'wasm' || !simd || threads) throw new Error(`TensorFlow.js chose backend ${backend}, SIMD ${simd}, threads ${threads}`)
    const variants = await page.evaluate(() => window.peer.variants)
    return {
      name: 'tfjs',
      version: `TensorFlow.js ${version}, WASM backend with SIMD, Chromium ${browser.version()}`,
      variants: variants.map((variant) => ({ ...variant, label: `${variant.product}, ${variant.order}` })),
      check: (variant) => page.evaluate((variant) => window.peer.check(variant), variant),
      measure: (variant, milliseconds) =>
        page.evaluate(([variant, milliseconds]) => window.peer.measure(variant, milliseconds), [variant, milliseconds]),
      close: async () => {
        await browser.close()
        await server.close()
      },
    }
  } catch (error) {
    await browser.close()
    await server.close()
    throw error
  }
}

/** PyTorch on one thread, in the Python given. */
export async function openTorch(python) {
  const one = { OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }
  const child = spawn(python, ['-W', 'ignore', 'torch_peer.py'], { cwd: folder, env: { ...process.env, ...one }, stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const failed = new Promise((_, reject) => child.once('error', reject))
  failed.catch(() => {})
  child.stdin.on('error', () => {})
  const ask = async (question) => {
    child.stdin.write(JSON.stringify(question) + '\n')
    const { value, done } = await Promise.race([lines.next(), failed])
    if (done) throw new Error(`${python} ended before it answered`)
    return JSON.parse(value)
  }
  const { version, threads, variants } = await ask({ list: true })
  return {
    name: 'torch',
    version: `PyTorch ${version}, ${threads} thread`,
    variants: variants.map((variant) => ({ ...variant, label: `${variant.order}, ${variant.adam} Adam` })),
    check: (variant) => ask({ check: variant }),
    measure: async (variant, milliseconds) => (await ask({ measure: variant, milliseconds })).samples_per_second,
    close: async () => child.stdin.end(),
  }
}
