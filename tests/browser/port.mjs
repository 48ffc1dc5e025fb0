// Boards for the tests: a process behind a pseudo-terminal that a browser takes for a serial port, and
// one behind a stand-in of `navigator.serial` in the page.

import { execFile, spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

import { launch, program } from '../../scripts/chromium.mjs'
import { railyard } from './support.mjs'

/** The serial port that every browser on Linux lists. */
const tty = '/dev/ttyS0'
/** Where the browser looks for what its administrator wants. */
const settings = '/etc/chromium'

const there = (path, mode) => access(path, mode).then(() => true, () => false)

/** Why no browser can be given a serial port here, or undefined if one can. */
export async function hindrance() {
  if (process.platform !== 'linux') return 'pseudo-terminals are put in a port’s place on Linux only'
  if (process.getuid?.() !== 0) return 'only root may put a pseudo-terminal in a port’s place'
  if (!(await there(tty))) return `there is no ${tty}`
  if (!(await there(settings))) return `there is no ${settings}`
  if (!(await there('/dev/ptmx', constants.R_OK | constants.W_OK))) return 'there are no pseudo-terminals'
  try {
    await promisify(execFile)('unshare', ['-m', 'sh', '-c', `mount --make-rprivate / && mount -t tmpfs none ${settings}`])
  } catch (error) {
    return `no mounts of one's own: ${String(error.stderr || error.message).trim().split('\n')[0]}`
  }
  return undefined
}

/** A board's process behind a pseudo-terminal. Gives its name and a way to end it. */
export async function boardAtPty(...options) {
  const child = spawn(railyard, ['board', 'serve', '--pty', ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
  const name = await new Promise((told, failed) => {
    child.once('error', failed)
    child.once('exit', (code) => failed(new Error(`the board ended with ${code}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /\/dev\/pts\/\d+/.exec(line)
      if (found) told(found[0])
    })
  })
  return { name, end: () => child.kill() }
}

/**
 * A browser whose only serial port is the pseudo-terminal `pty`, open to pages of `url` without a
 * question. Both mounts are seen by this browser alone and go with it. `folder` takes its files.
 */
export async function launchWithPort(pty, url, folder) {
  const policies = join(folder, 'policies', 'managed')
  await mkdir(policies, { recursive: true })
  const policy = { SerialAllowAllPortsForUrls: [new URL(url).origin] }
  await writeFile(join(policies, 'serial.json'), JSON.stringify(policy))
  const inside = [
    'set -e',
    'mount --make-rprivate /',
    `mount --bind ${pty} ${tty}`,
    `mount -t tmpfs none ${settings}`,
    `mkdir ${settings}/policies`,
    `mount --bind ${join(folder, 'policies')} ${settings}/policies`,
    `exec ${program} "$@"`,
  ]
  const starter = join(folder, 'chromium')
  const script = `#!/bin/sh\nexec unshare -m sh -c '${inside.join('\n')}' chromium "$@"\n`
  await writeFile(starter, script, { mode: 0o755 })
  return launch([], starter)
}

/** Runs in the page before anything else: a `navigator.serial` with one port. */
function standIn() {
  class Port extends EventTarget {
    granted = false
    opened = 0
    #controller
    #open = false
    #readable = null
    #writable = null
    /** Whether bytes get lost, as when the other end hangs. */
    deaf = false

    get readable() {
      if (this.#open && !this.#readable) {
        this.#readable = new ReadableStream({ start: (controller) => (this.#controller = controller) })
      }
      return this.#readable
    }

    get writable() {
      return this.#writable
    }

    async open(options) {
      if (this.#open) throw new DOMException('The port is already open.', 'InvalidStateError')
      if (this.refusal) throw new DOMException(this.refusal, 'NetworkError')
      this.options = options
      this.opened += 1
      this.#open = true
      this.#writable = new WritableStream({
        write: (bytes) => {
          if (!this.deaf) window.boardWrite(btoa(String.fromCharCode(...bytes)))
        },
      })
    }

    async setSignals() {
      throw new DOMException('Failed to set control signals.', 'NetworkError')
    }

    async close() {
      if (this.#readable?.locked || this.#writable?.locked) throw new TypeError('A stream is locked.')
      this.#open = false
      this.#readable = this.#writable = null
    }

    /** Bytes from the board, in base64. */
    receive(text) {
      if (this.#open && !this.deaf) {
        void this.readable
        this.#controller.enqueue(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)))
      }
    }

    /** The line is at fault: this stream ends and another takes its place. */
    fault(name) {
      const controller = this.#controller
      this.#readable = null
      controller.error(new DOMException('A fault of the line.', name))
    }

    /** The device is pulled out. */
    vanish({ quietly = false } = {}) {
      const controller = this.#controller
      this.#open = false
      this.#readable = this.#writable = null
      this.granted = false
      controller.error(new DOMException('The device has been lost.', 'NetworkError'))
      if (!quietly) this.dispatchEvent(new Event('disconnect'))
    }
  }

  const port = (window.standIn = new Port())
  const serial = new EventTarget()
  serial.getPorts = async () => (port.granted ? [port] : [])
  serial.requestPort = async () => {
    if (window.dismiss) throw new DOMException('No port selected by the user.', 'NotFoundError')
    port.granted = true
    return port
  }
  Object.defineProperty(navigator, 'serial', { value: serial, configurable: true })
}

/** Options for a visit to a page whose port leads to a board's process; `t` ends it. */
export function withBoard(t, ...options) {
  return {
    script: standIn,
    prepare: async (page) => {
      const child = spawn(railyard, ['board', 'serve', '--stdio', ...options], { stdio: ['pipe', 'pipe', 'inherit'] })
      t.after(() => child.kill())
      child.stdin.on('error', () => {})
      await page.exposeFunction('boardWrite', (text) => void child.stdin.write(Buffer.from(text, 'base64')))
      child.stdout.on('data', (bytes) => {
        // The page may be gone already.
        page.evaluate((text) => window.standIn?.receive(text), bytes.toString('base64')).catch(() => {})
      })
    },
  }
}
