// An order of a program's functions that compresses: alike ones near each other, within gzip's 32 KiB.

const gram = 5
// What stands in more functions than this is said by every one, and tells none from the others.
const common = 200
// What a function counts of the one before it, of the one before that, and so on.
const fading = 0.8

/** A number as WebAssembly writes it (LEB128). */
function number(value) {
  const bytes = []
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128)
  return [...bytes, value]
}

/** Reads a WebAssembly program from front to back. */
class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  number() {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++]
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }

  /** What stands in the next `length` bytes, which are passed. */
  take(length = this.number()) {
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
}

/** The sections of a program, by their number: the last of each. */
function sections(program) {
  const found = new Map()
  for (const reader = new Reader(program, 8); reader.at < program.length; ) found.set(reader.take(1)[0], reader.take())
  return found
}

/** How many functions a program imports: they are counted before its own. */
function imported(section) {
  const reader = new Reader(section)
  const limits = () => {
    const [flags] = reader.take(1)
    for (let left = flags & 1 ? 2 : 1; left > 0; left -= 1) reader.number()
  }
  // A function's type; a table's elements and limits; a memory's limits; a variable's type and whether it changes.
  const pass = [() => reader.number(), () => [reader.take(1), limits()], limits, () => reader.take(2)]
  let functions = 0
  for (let left = reader.number(); left > 0; left -= 1) {
    reader.take()
    reader.take()
    const [kind] = reader.take(1)
    if (!pass[kind]) throw new Error(`the program imports something strange (${kind})`)
    pass[kind]()
    if (kind === 0) functions += 1
  }
  return functions
}

function bodies(section) {
  const reader = new Reader(section)
  return Array.from({ length: reader.number() }, () => reader.take())
}

/** Every stretch of `gram` bytes in a function, each once, as a hash. */
function grams(body) {
  const found = new Set()
  for (let at = 0; at + gram <= body.length; at += 1) {
    let hash = 0
    for (let k = 0; k < gram; k += 1) hash = Math.imul(hash, 0x01000193) ^ body[at + k]
    found.add(hash & 0x1fffff)
  }
  return found
}

/** The functions one after the other, each followed by the one left that shares most with those just before. */
function chain(functions) {
  const has = functions.map(grams)
  const holders = new Map()
  has.forEach((all, k) => {
    for (const one of all) {
      const held = holders.get(one)
      if (held) held.push(k)
      else holders.set(one, [k])
    }
  })
  const shared = new Float64Array(functions.length)
  const left = new Set(functions.keys())
  const order = []
  for (let now = 0; now !== undefined; ) {
    order.push(now)
    left.delete(now)
    for (const k of left) shared[k] *= fading
    for (const one of has[now]) {
      const held = holders.get(one)
      if (held.length < common) for (const k of held) shared[k] += 1
    }
    now = undefined
    let most = -1
    for (const k of left) {
      const share = shared[k] / Math.sqrt(has[k].size + 20)
      if (share > most) [most, now] = [share, k]
    }
  }
  return order
}

/** The program with names for its functions (it had none) that sort in an order which compresses. */
export function named(program) {
  const found = sections(program)
  const first = imported(found.get(2))
  const names = []
  chain(bodies(found.get(10))).forEach((k, place) => (names[k] = Buffer.from(String(place).padStart(6, '0'))))
  const text = (bytes) => Buffer.concat([Buffer.from(number(bytes.length)), bytes])
  const list = names.flatMap((name, k) => [Buffer.from(number(first + k)), text(name)])
  const functions = text(Buffer.concat([Buffer.from(number(names.length)), ...list]))
  const section = text(Buffer.concat([text(Buffer.from('name')), Buffer.from([1]), functions]))
  return Buffer.concat([program, Buffer.from([0]), section])
}
