// Railyard as the bench drives it: the command line, and the page in Chromium.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { launch } from '../scripts/chromium.mjs'
import { serve } from '../scripts/serve.mjs'

const run = promisify(execFile)

/** The page built in `root`. What its hooks answer is given as objects. */
export async function openPage(root = 'dist') {
  const server = await serve({ root })
  let browser
  try {
    browser = await launch()
    const page = await browser.newPage()
    await page.goto(`${server.url}?testing=1`)
    await page.waitForFunction(() => window.railyard)
    await page.evaluate(() => window.railyard.idle())
    const call = async (name, ...values) => {
      const text = await page.evaluate(([name, values]) => window.railyard[name]?.(...values), [name, values])
      if (text === undefined) throw new Error(`this page has no ${name}`)
      return JSON.parse(text)
    }
    return {
      version: `Chromium ${browser.version()}`,
      /** Speeds of configurations (fields that differ from a preset), by turns, in one worker. */
      bench: (milliseconds, configs = [], repeats = 5) => call('bench', milliseconds, configs, repeats),
      engines: (milliseconds) => call('benchAccelerator', milliseconds),
      kernels: (milliseconds) => call('benchKernels', milliseconds),
      workers: (milliseconds) => call('benchWorkers', milliseconds),
      close: async () => {
        await browser.close()
        await server.close()
      },
    }
  } catch (error) {
    await browser?.close()
    await server.close()
    throw error
  }
}

/** The command line `program`: speeds of one configuration, given by its options. */
export async function native(program, options, milliseconds, repeats = 1) {
  const measured = ['--milliseconds', `${milliseconds}`, '--repeats', `${repeats}`, '--json']
  const { stdout } = await run(program, ['bench', ...options, ...measured])
  return stdout.trim().split('\n').map((line) => JSON.parse(line))
}
