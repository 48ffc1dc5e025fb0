// What both peers must compute: the loss of one batch by an explicit dense W, entry by entry from its
// cores, in double precision and with nothing of a tensor library.

const batch = 64
const classes = 10

/** Tensors of each network, with the largest magnitude of their entries; a core is [r, m, n, r']. */
const networks = {
  tt: [
    { cores: [[1, 4, 7, 16], [16, 4, 4, 16], [16, 2, 2, 16], [16, 16, 16, 1]], largest: 0.25 },
    { cores: [[1, 1, 32, 16], [16, 16, 16, 1]], largest: 0.2 },
  ],
  // A dense layer's weights are given as [inputs, outputs].
  dense: [{ weights: [784, 512], largest: 0.08 }, { weights: [512, 10], largest: 0.08 }],
}

/** 32 well-mixed bits for a place of a tensor. */
function bits(tensor, index) {
  let x = Math.imul(index + 1 + tensor * 1048583, 0x9e3779b1)
  x = Math.imul(x ^ (x >>> 15), 0x85ebca77)
  return (x ^ (x >>> 13)) >>> 0
}

/** The entry of a tensor that both peers begin with. */
export function entry(tensor, index, largest) {
  return Math.fround(((bits(tensor, index) >>> 8) / 2 ** 23 - 1) * largest)
}

/** W(i, j) as a list of rows: the product over the cores of the matrices that i's and j's digits choose. */
function explicit(cores, values) {
  // Row vectors over the bond for all digits chosen so far.
  let rows = [{ i: 0, j: 0, row: [1] }]
  cores.forEach(([left, outs, ins, right], k) => {
    const longer = []
    for (const { i, j, row } of rows) {
      for (let m = 0; m < outs; m++) {
        for (let n = 0; n < ins; n++) {
          const product = new Array(right).fill(0)
          for (let a = 0; a < left; a++) {
            for (let b = 0; b < right; b++) product[b] += row[a] * values[k][((a * outs + m) * ins + n) * right + b]
          }
          longer.push({ i: i * outs + m, j: j * ins + n, row: product })
        }
      }
    }
    rows = longer
  })
  const inputs = cores.reduce((product, core) => product * core[2], 1)
  const w = []
  for (const { i, j, row } of rows) (w[i] ??= new Float64Array(inputs))[j] = row[0]
  return w
}

/** Mean cross-entropy of the first batch; `draw(tensor, index, largest)` gives the parameters. */
export function lossOf(network, draw = entry) {
  let tensor = 0
  const next = (count, largest) => {
    const drawn = Float64Array.from({ length: count }, (_, index) => draw(tensor, index, largest))
    tensor++
    return drawn
  }
  const layers = networks[network].map(({ cores, weights, largest }) => {
    let w
    if (cores) {
      w = explicit(cores, cores.map((shape) => next(shape.reduce((a, b) => a * b), largest)))
    } else {
      const [inputs, outputs] = weights
      const flat = next(inputs * outputs, largest)
      w = Array.from({ length: outputs }, (_, i) => Float64Array.from({ length: inputs }, (_, j) => flat[j * outputs + i]))
    }
    return { w, bias: next(w.length, 0.1) }
  })
  let loss = 0
  for (let sample = 0; sample < batch; sample++) {
    const inputs = layers[0].w[0].length
    let x = Float64Array.from({ length: inputs }, (_, j) => (bits(100, sample * inputs + j) >>> 24) / 255)
    layers.forEach(({ w, bias }, layer) => {
      const y = w.map((row, i) => row.reduce((sum, weight, j) => sum + weight * x[j], bias[i]))
      x = layer < layers.length - 1 ? y.map((value) => Math.max(value, 0)) : y.slice(0, classes)
    })
    const top = Math.max(...x)
    const total = x.reduce((sum, logit) => sum + Math.exp(logit - top), 0)
    loss += Math.log(total) + top - x[bits(101, sample) % classes]
  }
  return loss / batch
}
