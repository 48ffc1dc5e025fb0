// The system's Chromium, as the tests and the benchmark start it.

import { chromium } from 'playwright-core'

/** The browser's program. */
export const program = process.env.CHROMIUM || '/usr/bin/chromium'

const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * Starts a browser without a window, in a profile of its own that goes with it.
 * @param {string[]} more further command line options
 * @param {string} executablePath the program, or one that starts it
 */
export function launch(more = [], executablePath = program) {
  return chromium.launch({ executablePath, headless: true, args: [...quiet, ...more] })
}
