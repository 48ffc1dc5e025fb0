// Parts a program in two: what a visit needs at once, and what only some tabs need, which is fetched later.
//
// Both share memory, tables and the stack, so the program does not know of it: a function that was parted off is
// reached through the table of functions. Until the second part is there, its places in the table hold stubs, which
// fetch it (at once, and whoever called waits) and call again; a page that fetches it in time never runs one.

/** A name of WebAssembly's text form. */
const name = String.raw`\$(?:"(?:[^"\\]|\\.)*"|[^\s()]+)`
const called = new RegExp(String.raw`\((?:return_)?call (${name})`, 'g')
/** Functions of less text than this are hardly longer than their stubs, and often others' too that are alike. */
const little = 1500
/** The function of the page's script that fetches the second part. */
export const fetcher = 'fetch_later'

const first = (text, pattern) => text.match(pattern)?.[1]
const union = (sets) => new Set(sets.flatMap((set) => [...set]))

/** A program in text form, by its parts. */
class Program {
  constructor(text) {
    // The printer puts each part on lines of its own, one blank deep.
    const [head, ...parts] = text.trimEnd().replace(/\)$/, '').split(/\n(?= \()/)
    const kinds = new Map()
    for (const part of parts) {
      const which = first(part, /^ \((\w+)/)
      if (kinds.has(which)) kinds.get(which).push(part)
      else kinds.set(which, [part])
    }
    const kind = (which) => kinds.get(which) ?? []
    const named = (which) => new Map(kind(which).map((part) => [first(part, new RegExp(String.raw`^ \(\w+ (${name})`)), part]))
    Object.assign(this, { head, types: kind('type'), imports: kind('import'), data: kind('data'), exports: kind('export') })
    Object.assign(this, { functions: named('func'), globals: named('global'), tables: named('table'), memories: named('memory') })
    const elements = kind('elem')
    const known = ['type', 'import', 'data', 'export', 'func', 'global', 'table', 'memory', 'elem']
    const strange = [...kinds.keys()].filter((which) => !known.includes(which))
    if (strange.length > 0 || elements.length !== 1) throw new Error(`the program has parts nobody expects: ${strange}`)
    const list = first(elements[0], / func (.*)\)\s*$/s)
    this.table = first(elements[0], new RegExp(String.raw`\(table (${name})\)`))
    this.base = Number(first(elements[0], /\(i32\.const (\d+)\)/))
    this.slots = list.match(new RegExp(name, 'g'))
    this.imported = new Map(this.imports.map((part) => [first(part, new RegExp(String.raw`\(func (${name})`)), part]))
  }

  /** What a function calls by name. */
  calls(one) {
    return [...(this.functions.get(one) ?? '').matchAll(called)].map((match) => match[1])
  }

  /** `(param ...)`, `(result ...)` of a function, and how many parameters it takes. */
  signature(one) {
    const head = this.functions.get(one) ?? this.imported.get(one)
    const params = [...head.split('\n')[0].matchAll(/\(param (?:\$\S+ )?(\w+)\)/g)].map((match) => match[1])
    const several = first(head.split('\n')[0], /\(param ((?:\w+ ?)+)\)/)
    const types = params.length > 0 ? params : (several?.trim().split(' ') ?? [])
    const results = first(head.split('\n')[0], /\(result ([\w ]+)\)/)
    return {
      count: types.length,
      text: `${types.map((type) => ` (param ${type})`).join('')}${results ? ` (result ${results})` : ''}`,
    }
  }
}

/** What the second part holds: nothing that the first reaches by name, but for the doors. */
function parted(program, isLater, isDoor) {
  const all = [...program.functions.keys()]
  const later = new Set(all.filter(isLater))
  const doors = new Set(all.filter(isDoor))
  const held = new Set(program.slots)
  for (const one of later) {
    if (held.has(one) && program.functions.get(one).length < little && program.calls(one).every((other) => !later.has(other))) later.delete(one)
  }
  const exported = program.exports.map((part) => first(part, new RegExp(String.raw`\(func (${name})\)`)))
  const reached = new Set()
  const left = [...exported, ...program.slots].filter((one) => one && !later.has(one) && !doors.has(one))
  while (left.length > 0) {
    const one = left.pop()
    if (reached.has(one) || doors.has(one)) continue
    reached.add(one)
    left.push(...program.calls(one))
  }
  return new Set(all.filter((one) => !reached.has(one)))
}

/**
 * @param {string} text a program as `wasm-dis` prints it, with names
 * @param {{ later: (name: string) => boolean, doors: (name: string) => boolean, script: string }} choice which
 *   functions are parted off; which of the others are too, though the first part calls them; the module of `fetch_later`
 * @returns {{ now: string, later: (rename: (name: string) => string) => string }} both parts as text; the second
 *   takes what the first exports from a module named as `rename` says, as it does each of the names
 */
export function split(text, { later: isLater, doors: isDoor, script }) {
  const program = new Program(text)
  const plain = (one) => one.replace(/^\$"?|"$/g, '').replace(/\[[0-9a-f]{16}\]/g, '')
  const later = parted(program, (one) => isLater(plain(one)), (one) => isDoor(plain(one)))
  const now = [...program.functions.keys()].filter((one) => !later.has(one))

  // A place in the table for each: those that have one, and those the first part calls by name.
  const places = program.slots.map((one, k) => [one, program.base + k]).filter(([one]) => later.has(one))
  const doors = [...union(now.map((one) => program.calls(one)))].filter((one) => later.has(one))
  const end = program.base + program.slots.length
  const opened = new Map(doors.map((one, k) => [one, end + k]))
  const stub = (label, one, place) => {
    const { text, count } = program.signature(one)
    const args = Array.from({ length: count }, (_, k) => ` (local.get ${k})`).join('')
    return ` (func ${label}${text} (call $later) (call_indirect ${program.table}${text}${args} (i32.const ${place})))`
  }
  const stubs = new Map(places.map(([one, place]) => [place, stub(`$stub${place}`, one, place)]))

  // What the second part takes from the first.
  const wanted = [...union([...later].map((one) => program.calls(one)))].filter((one) => !later.has(one))
  const outer = new Map(wanted.map((one, k) => [one, `later_${k}`]))
  const variables = [...program.globals].filter(([, part]) => part.includes('(mut '))
  const shares = [
    ...wanted.map((one) => ` (export "${outer.get(one)}" (func ${one}))`),
    ...variables.map(([one], k) => ` (export "later_g${k}" (global ${one}))`),
    ...[...program.tables.keys()].map((one, k) => ` (export "later_t${k}" (table ${one}))`),
  ]
  const grown = (part) => part.replace(/ (\d+) (\d+) funcref/, () => ` ${end + opened.size} ${end + opened.size} funcref`)
  const memory = [...program.memories.keys()][0]
  const slots = program.slots.map((one, k) => (stubs.has(program.base + k) ? `$stub${program.base + k}` : one))
  const first_part = [
    program.head,
    ...program.types,
    ...program.imports,
    ` (import "${script}" "${fetcher}" (func $later))`,
    ...program.globals.values(),
    ...program.memories.values(),
    ...program.data,
    ...[...program.tables].map(([one, part]) => (one === program.table ? grown(part) : part)),
    ` (elem (table ${program.table}) (i32.const ${program.base}) func ${[...slots, ...doors.map((one) => `$door${opened.get(one)}`)].join(' ')})`,
    ...program.exports,
    ...shares,
    ...now.map((one) => program.functions.get(one)),
    ...stubs.values(),
    ...doors.map((one) => stub(`$door${opened.get(one)}`, one, opened.get(one))),
    ')',
  ].join('\n')
  // The first part calls a door where it called the function.
  const through = first_part.replaceAll(called, (all, one) => (opened.has(one) ? all.replace(one, () => `$door${opened.get(one)}`) : all))

  const second = (rename) => {
    const from = (outward, kind) => ` (import "${rename('')}" "${rename(outward)}" ${kind})`
    const table = (one, part) => (one === program.table ? grown(part) : part).replace(/^ \(table \S+ (.*)\)$/s, (_, kind) => `(table ${one} ${kind})`)
    const elements = []
    for (const [one, place] of [...places, ...opened]) {
      const last = elements.at(-1)
      if (last && last.place + last.list.length === place) last.list.push(one)
      else elements.push({ place, list: [one] })
    }
    return [
      program.head,
      ...program.types,
      ...wanted.map((one) => from(outer.get(one), `(func ${one}${program.signature(one).text})`)),
      ...variables.map(([one, part], k) => from(`later_g${k}`, `(global ${one} (mut ${first(part, /\(mut (\w+)\)/)}))`)),
      from('memory', `(memory ${memory} 1)`),
      ...[...program.tables].map(([one, part], k) => from(`later_t${k}`, table(one, part))),
      ...[...program.globals].filter(([, part]) => !part.includes('(mut ')).map(([, part]) => part),
      ...elements.map(({ place, list }) => ` (elem (table ${program.table}) (i32.const ${place}) func ${list.join(' ')})`),
      ...[...later].map((one) => program.functions.get(one)),
      ')',
    ].join('\n')
  }
  return { now: through, later: second }
}
