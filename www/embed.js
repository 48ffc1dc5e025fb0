// A page of one's own on the package: loads a data set, trains the preset `tiny`, shows every epoch and
// saves the checkpoint. `make package` builds what it imports.

import init, { Data, Plan, Simulator, Trainer, preset } from '../pkg/railyard.js'

/** Milliseconds of training between two looks of the browser. */
const SLICE = 20

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id))
const button = (/** @type {string} */ id) => /** @type {HTMLButtonElement} */ (element(id))
const progress = /** @type {HTMLProgressElement} */ (element('progress'))
/** @param {string} text */
const say = (text) => (element('status').textContent = text)
const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(1)} %`

/** @param {string[]} cells */
function addRow(cells) {
  const row = document.createElement('tr')
  row.append(...cells.map((text) => Object.assign(document.createElement('td'), { textContent: text })))
  element('epochs').append(row)
}

/** The package, made ready, and a data set that it brings along. */
async function load() {
  await init()
  const response = await fetch(new URL('../pkg/data/fashion-mnist-subset.rypk', import.meta.url))
  if (!response.ok) throw new Error(`the data set could not be fetched (status ${response.status})`)
  return Data.packed(new Uint8Array(await response.arrayBuffer()))
}

const data = await load().catch((error) => {
  say(`Nothing can be trained: ${error.message}.`)
  throw error
})

const config = preset('tiny', 'fixed')
config.epochs = 3
const trainer = new Trainer(config, data)
progress.max = trainer.totalSteps

const plan = new Plan(config)
const simulator = new Simulator(plan, { machine: 'streamlined' })
const { cycles, machine } = simulator.total
const { parameters, training_bytes: bytes } = plan.total
element('plan').textContent =
  `${parameters.toLocaleString('en')} parameters; training holds ${bytes.toLocaleString('en')} bytes (counted) and takes ` +
  `${Math.round(cycles.per_sample_with_share).toLocaleString('en')} cycles a sample on a ${machine.lanes} x ${machine.rows} array (modelled).`
say(`Ready: ${data.trainCount.toLocaleString('en')} training and ${data.testCount.toLocaleString('en')} test images.`)

let running = false

/** Trains for a slice, lets the browser look, and goes on until somebody stops it or the run is over. */
async function train() {
  running = true
  button('train').disabled = true
  button('stop').disabled = false
  while (running) {
    const until = performance.now() + SLICE
    while (running && performance.now() < until) {
      const done = trainer.advance()
      if (done.kind === 'epoch') {
        const loss = done.test_loss?.toFixed(3) ?? 'not a number'
        addRow([String(done.epoch), percent(done.test_accuracy), loss, done.ranks.flat().join(', '), `1/${done.memory_reduction.toFixed(0)}`])
      } else if (done.kind === 'finished') {
        running = false
      }
    }
    progress.value = trainer.step
    say(`Step ${trainer.step.toLocaleString('en')} of ${trainer.totalSteps.toLocaleString('en')}.`)
    await new Promise((resolve) => setTimeout(resolve))
  }
  button('stop').disabled = true
  button('save').disabled = false
  button('train').disabled = trainer.step === trainer.totalSteps
  if (button('train').disabled) say(`Trained. Checksum of all parameters: ${trainer.checksum}.`)
}

function save() {
  const address = URL.createObjectURL(new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (trainer.checkpoint().bytes())]))
  Object.assign(document.createElement('a'), { href: address, download: 'tiny.safetensors' }).click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}

button('train').onclick = train
button('stop').onclick = () => (running = false)
button('save').onclick = save
button('train').disabled = false
