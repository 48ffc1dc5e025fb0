// What the tests of the page share: the built page behind a server, a browser, and visitors.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { inflateRawSync } from 'node:zlib'

import { launch } from '../../scripts/chromium.mjs'
import { serve } from '../../scripts/serve.mjs'

export const project = fileURLToPath(new URL('../../', import.meta.url))
/** The command line's program. */
export const railyard = process.env.RAILYARD_BIN || join(project, 'target/release/railyard')

/** Widths and heights the page is made for. */
export const desk = { width: 1440, height: 900 }
export const phone = { width: 390, height: 844 }

/**
 * One browser and one server for the tests of a file; both are gone after the last of them.
 * `root` is the folder served, or a promise of it; `open` starts the browser for a server's address.
 */
export function stage({ root = join(project, 'dist'), open = () => launch() } = {}) {
  const held = {}
  before(async () => {
    held.server = await serve({ root: await root })
    held.browser = await open(held.server.url)
  })
  after(async () => {
    await held.browser?.close()
    await held.server?.close()
  })
  return {
    get url() {
      return held.server.url
    },
    /** Opens the page in a fresh profile; the visitor leaves when the test `t` ends. */
    visit: (t, options) => Visitor.come(t, held.browser, held.server.url, options),
  }
}

/** A folder that is removed after the tests of a file. */
export async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'railyard-page-'))
  after(() => rm(path, { recursive: true, force: true }))
  return path
}

/** Runs the command line in the project's folder. Gives the objects it prints, one a line. */
export async function commandLine(...options) {
  const { stdout } = await promisify(execFile)(railyard, [...options, '--json'], { cwd: project })
  return stdout.trim().split('\n').map((line) => JSON.parse(line))
}

/** What a link's hash holds: the fields that differ from the defaults. */
export function settingsOf(link) {
  const hash = new URL(link).hash
  return hash ? JSON.parse(inflateRawSync(Buffer.from(hash.slice('#1.'.length), 'base64url'))) : {}
}

/** Names in the configuration, in the order of the rail's buttons. */
const segments = {
  preset: ['network', ['paper', 'tiny', 'dense']],
  precision: ['precision', ['float', 'bf16', 'f16', 'fixed']],
}

/** What may become of the ranks, as the rail says it. */
const ranks = {
  stay: 'stay as they are',
  target: 'shrink to a target, by relevance',
  prior: 'shrink by a log-uniform prior',
}

/** Somebody who looks at the page: a profile, a page, and everything that went wrong in it. */
export class Visitor {
  static async come(t, browser, url, { search = '?testing=1', hash = '', media = {}, size = desk, faults = true, wait = true, script, prepare } = {}) {
    // Tests look into the page by means its policy forbids others; privacy.test.mjs holds it to the policy.
    const context = await browser.newContext({ viewport: size, acceptDownloads: true, bypassCSP: true, ...media })
    const visitor = new Visitor(await context.newPage(), url)
    t.after(async () => {
      await context.close()
      if (faults) assert.deepEqual(visitor.faults, [], 'nothing went wrong unseen')
    })
    if (script) await context.addInitScript(script)
    if (prepare) await prepare(visitor.page)
    await visitor.page.goto(url + search + hash)
    await visitor.page.waitForFunction(() => window.railyard)
    if (wait) await visitor.idle()
    return visitor
  }

  constructor(page, url) {
    this.page = page
    this.url = url
    /** Console errors and warnings, uncaught exceptions, failed requests. */
    this.faults = []
    page.setDefaultTimeout(10_000)
    page.on('console', (message) => {
      // Trunk writes the attribute; browsers that do not know it there say so and go on.
      const usual = message.text().startsWith('The `integrity` attribute is currently ignored for preload')
      if (['error', 'warning'].includes(message.type()) && !usual) this.faults.push(`console: ${message.text()}`)
    })
    page.on('pageerror', (error) => this.faults.push(`exception: ${error}`))
    page.on('requestfailed', (request) => this.faults.push(`request: ${request.url()} ${request.failure()?.errorText}`))
    page.on('response', (response) => {
      if (response.status() >= 400) this.faults.push(`request: ${response.url()} ${response.status()}`)
    })
  }

  /** Forget faults that a test brings about on purpose; each must match one of `patterns`. */
  expect(...patterns) {
    const strange = this.faults.filter((fault) => !patterns.some((pattern) => pattern.test(fault)))
    assert.deepEqual(strange, [], 'only the faults that were provoked')
    this.faults.length = 0
  }

  /** Phase, step, epoch, checksum and so on. */
  async state() {
    return JSON.parse(await this.page.evaluate(() => window.railyard.state()))
  }

  /** What is known of a board. */
  async board() {
    return JSON.parse(await this.page.evaluate(() => window.railyard.board()))
  }

  /** Waits until `test`, a function of what is known of a board, holds. */
  untilBoard(test, argument) {
    return this.poll(() => this.board(), test, argument)
  }

  /** Waits until nothing is under way. */
  async idle() {
    await this.page.evaluate(() => window.railyard.idle())
    return this.state()
  }

  /** Waits until `test`, a function of the state, holds. */
  until(test, argument) {
    return this.poll(() => this.state(), test, argument)
  }

  /** What `ask` gives, once `test` holds of it. */
  async poll(ask, test, argument) {
    const until = Date.now() + 20_000
    for (;;) {
      const known = await ask()
      if (test(known, argument)) return known
      if (Date.now() > until) throw new Error(`this never held: ${test} of ${JSON.stringify(known)}`)
      await this.page.waitForTimeout(10)
    }
  }

  /** Sets controls of the rail, by their names in the configuration. */
  async set(settings) {
    const { page } = this
    for (const [name, value] of Object.entries(settings)) {
      if (name === 'ranks') {
        await page.selectOption('#f-prior-kind', { label: ranks[value] })
        continue
      }
      if (segments[name]) {
        const [group, options] = segments[name]
        await page.check(`#s-${group}-${options.indexOf(value)}`)
        continue
      }
      const control = page.locator(`#f-${name.replaceAll('.', '-')}`)
      if (!(await control.isVisible())) await page.click('details.more > summary')
      if ((await control.evaluate((element) => element.tagName)) === 'SELECT') {
        await control.selectOption({ label: value })
      } else {
        await control.fill(String(value))
      }
    }
    await this.settled()
  }

  /** Waits until the address holds the settings, and a network that follows them is built. */
  async settled() {
    // The page waits 300 ms for the next key before it acts on an edit.
    await this.page.waitForTimeout(350)
    await this.idle()
  }

  /** The values of all controls of the rail, by their names. */
  controls() {
    return this.page.evaluate(() =>
      Object.fromEntries(
        [...document.querySelectorAll('[id^=f-], input[type=radio]:checked')].map((control) => [
          control.type === 'radio' ? control.name : control.id,
          control.type === 'radio' ? control.id : control.value,
        ]),
      ),
    )
  }

  /** Presses a button by its name; waits until it is there and can be pressed. */
  press(name) {
    return this.page.getByRole('button', { name, exact: true }).click()
  }

  /** Trains to the end and gives the last state. */
  async train() {
    await this.press('Train')
    return this.until((state) => state.phase === 'finished')
  }

  /** Presses Save or Curves and gives the file's name and bytes. */
  async download(name) {
    const coming = this.page.waitForEvent('download')
    await this.press(name)
    const download = await coming
    const parts = []
    for await (const part of await download.createReadStream()) parts.push(part)
    return { name: download.suggestedFilename(), buffer: Buffer.concat(parts) }
  }

  /** Chooses files, `{ name, buffer }`, in the dialog that the button opens. */
  async choose(button, ...files) {
    const opening = this.page.waitForEvent('filechooser')
    await this.press(button)
    const chooser = await opening
    await chooser.setFiles(files.map((file) => ({ mimeType: 'application/octet-stream', ...file })))
  }

  /** Drops files on the data card. */
  async drop(...files) {
    const carried = files.map(({ name, buffer }) => ({ name, text: buffer.toString('base64') }))
    const transfer = await this.page.evaluateHandle((files) => {
      const transfer = new DataTransfer()
      for (const { name, text } of files) {
        transfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name))
      }
      return transfer
    }, carried)
    await this.page.dispatchEvent('section.data', 'dragover', { dataTransfer: transfer })
    await this.page.dispatchEvent('section.data', 'drop', { dataTransfer: transfer })
  }

  /** What the page says in the strip, or undefined. */
  async says() {
    return (await this.state()).notice ?? undefined
  }
}

/** The one in the middle. */
export const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]

/** The value that `share` of the others do not exceed. */
export const quantile = (values, share) => values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1]
