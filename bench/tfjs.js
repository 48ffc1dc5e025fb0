// The same networks in TensorFlow.js on its WASM backend, for bench/peers.mjs to drive in Chromium:
// `window.peer` lists variants, tells their loss on given parameters, and measures them.
//
// As written: tf.matMul with automatic gradients. Tuned by hand: the gradients of a product transpose
// their operands first, since the backend's products with transpose flags are slow.

/* global tf */

const batch = 64
const images = 4096
const classes = 10

/** Numbers that both peers and the reference draw alike: 32 well-mixed bits for a place of a tensor. */
function bits(tensor, index) {
  let x = Math.imul(index + 1 + tensor * 1048583, 0x9e3779b1)
  x = Math.imul(x ^ (x >>> 15), 0x85ebca77)
  return (x ^ (x >>> 13)) >>> 0
}

// Shapes of the tensors in the order of their numbers (cores as left rank, output mode, input mode,
// right rank), and the largest magnitude of their entries.
const networks = {
  tt: {
    inputs: 896,
    tensors: [
      [[1, 4, 7, 16], 0.25], [[16, 4, 4, 16], 0.25], [[16, 2, 2, 16], 0.25], [[16, 16, 16, 1], 0.25], [[512], 0.1],
      [[1, 1, 32, 16], 0.2], [[16, 16, 16, 1], 0.2], [[16], 0.1],
    ],
  },
  dense: {
    inputs: 784,
    tensors: [[[784, 512], 0.08], [[512], 0.1], [[512, 10], 0.08], [[10], 0.1]],
  },
}

/** A product whose gradients are products without transpose flags. */
const tuned = tf.customGrad((a, b, save) => {
  save([a, b])
  const gradFunc = (dy, [a, b]) => [tf.matMul(dy, tf.transpose(b)), tf.matMul(tf.transpose(a), dy)]
  return { value: tf.matMul(a, b), gradFunc }
})

/** The same for images, of which no gradient is needed. */
const tunedOfImages = (x, w) =>
  tf.customGrad((w, save) => {
    save([x])
    return { value: tf.matMul(x, w), gradFunc: (dy, [x]) => tf.matMul(tf.transpose(x), dy) }
  })(w)

const written = (a, b) => tf.matMul(a, b)

/** Of two results, and of images and a result. */
const products = {
  written: { product: written, ofImages: written },
  tuned: { product: tuned, ofImages: tunedOfImages },
}

/** `x` seen as `sizes`, its axes then reordered, and the result seen as `seen`. */
function turn(x, sizes, axes, seen) {
  return tf.reshape(tf.transpose(tf.reshape(x, sizes), axes), seen)
}

/** Merged halves of the first layer: L over (n1 n2; m1 m2 r2), R over (n3 n4; r2 m3 m4). */
function halves(product, [g1, g2, g3, g4]) {
  const left = product(tf.reshape(g1, [28, 16]), tf.reshape(g2, [16, 256]))
  const right = product(tf.reshape(g3, [64, 16]), tf.reshape(g4, [16, 256]))
  return [
    turn(left, [4, 7, 4, 4, 16], [1, 3, 0, 2, 4], [28, 256]),
    turn(right, [16, 2, 2, 16, 16], [2, 4, 0, 1, 3], [32, 512]),
  ]
}

// The first layer without its bias, [batch, 896] -> [batch, 512], in each order.
const orders = {
  'W first': ({ product, ofImages }, x, cores) => {
    const [left, right] = halves(product, cores)
    // (n1 n2 m1 m2, r2) times (r2, n3 n4 m3 m4).
    const w = product(tf.reshape(left, [448, 16]), turn(right, [32, 16, 32], [1, 0, 2], [16, 1024]))
    return ofImages(x, turn(w, [28, 16, 32, 32], [0, 2, 1, 3], [896, 512]))
  },
  planned: ({ product, ofImages }, x, cores) => {
    const [left, right] = halves(product, cores)
    const part = ofImages(turn(x, [batch, 28, 32], [0, 2, 1], [batch * 32, 28]), left)
    const rows = turn(part, [batch, 32, 16, 16], [0, 2, 1, 3], [batch * 16, 512])
    return tf.reshape(product(rows, tf.reshape(right, [512, 32])), [batch, 512])
  },
  'right to left': ({ product, ofImages }, x, [g1, g2, g3, g4]) => {
    let y = ofImages(tf.reshape(x, [batch * 56, 16]), turn(g4, [16, 16, 16], [2, 1, 0], [16, 256]))
    y = turn(y, [batch * 28, 2, 16, 16], [0, 2, 1, 3], [batch * 448, 32])
    y = product(y, turn(g3, [16, 2, 2, 16], [2, 3, 1, 0], [32, 32]))
    y = turn(y, [batch * 7, 4, 32, 16], [0, 2, 1, 3], [batch * 224, 64])
    y = product(y, turn(g2, [16, 4, 4, 16], [2, 3, 1, 0], [64, 64]))
    y = turn(y, [batch, 7, 128, 16], [0, 2, 1, 3], [batch * 128, 112])
    y = product(y, turn(g1, [1, 4, 7, 16], [2, 3, 1, 0], [112, 4]))
    return turn(y, [batch, 16, 2, 4, 4], [0, 4, 3, 2, 1], [batch, 512])
  },
}

/** The logits of a batch. */
const forward = {
  tt: (products, order, x, [g1, g2, g3, g4, b1, h1, h2, b2]) => {
    const hidden = tf.relu(tf.add(orders[order](products, x, [g1, g2, g3, g4]), b1))
    const { product } = products
    const w = product(tf.reshape(h1, [32, 16]), tf.reshape(h2, [16, 256]))
    const logits = tf.add(product(hidden, turn(w, [32, 16, 16], [0, 2, 1], [512, 16])), b2)
    return tf.slice(logits, [0, 0], [batch, classes])
  },
  dense: ({ product, ofImages }, order, x, [w1, b1, w2, b2]) => {
    const hidden = tf.relu(tf.add(ofImages(x, w1), b1))
    return tf.add(product(hidden, w2), b2)
  },
}

/** A variant's network with its parameters, and one batch as users convert it. */
function build({ network, order, product }) {
  const { inputs, tensors } = networks[network]
  const parameters = tensors.map(([shape, largest], tensor) => {
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1))
    for (let i = 0; i < values.length; i++) values[i] = ((bits(tensor, i) >>> 8) / 2 ** 23 - 1) * largest
    return tf.variable(tf.tensor(values, shape))
  })
  const loss = (pixels, labels) => {
    const x = tf.tensor2d(Float32Array.from(pixels, (pixel) => pixel / 255), [batch, inputs])
    const targets = tf.oneHot(tf.tensor1d(labels, 'int32'), classes)
    return tf.losses.softmaxCrossEntropy(targets, forward[network](products[product], order, x, parameters))
  }
  return { inputs, parameters, loss }
}

/** Pixels and labels of `count` images. */
function noise(count, inputs) {
  const pixels = new Uint8Array(count * inputs)
  for (let i = 0; i < pixels.length; i++) pixels[i] = bits(100, i) >>> 24
  return { pixels, labels: Uint8Array.from({ length: count }, (_, i) => bits(101, i) % classes) }
}

const variants = [
  ...Object.keys(orders).flatMap((order) => ['written', 'tuned'].map((product) => ({ network: 'tt', order, product }))),
  { network: 'dense', order: 'dense', product: 'written' },
  { network: 'dense', order: 'dense', product: 'tuned' },
]

/** Loss of the first batch on the parameters as drawn, and the sum of the squared gradients. */
function check(variant) {
  const { inputs, parameters, loss } = build(variant)
  const { pixels, labels } = noise(batch, inputs)
  const found = tf.tidy(() => {
    const { value, grads } = tf.variableGrads(() => loss(pixels, labels))
    const squares = Object.values(grads).map((gradient) => tf.sum(tf.square(gradient)).dataSync()[0])
    return { loss: value.dataSync()[0], gradient: squares.reduce((sum, square) => sum + square, 0) }
  })
  tf.dispose(parameters)
  return found
}

/** Training samples per second over about so many milliseconds, after a fifth as long to warm up. */
async function measure(variant, milliseconds) {
  const { inputs, parameters, loss } = build(variant)
  const { pixels, labels } = noise(images, inputs)
  const adam = tf.train.adam(1e-3)
  const order = Array.from(tf.util.createShuffledIndices(images))
  const chosen = { pixels: new Uint8Array(batch * inputs), labels: new Uint8Array(batch) }
  let next = 0
  const step = async () => {
    for (let place = 0; place < batch; place++) {
      const image = order[next++ % images]
      chosen.pixels.set(pixels.subarray(image * inputs, (image + 1) * inputs), place * inputs)
      chosen.labels[place] = labels[image]
    }
    const value = adam.minimize(() => loss(chosen.pixels, chosen.labels), true)
    await value.data()
    value.dispose()
  }
  const train = async (milliseconds) => {
    const start = performance.now()
    let [steps, elapsed] = [0, 0]
    while (elapsed < milliseconds) {
      await step()
      steps++
      elapsed = performance.now() - start
    }
    return (steps * batch * 1000) / elapsed
  }
  await train(milliseconds / 5)
  const [tensors, rate] = [tf.memory().numTensors, await train(milliseconds)]
  if (tf.memory().numTensors !== tensors) throw new Error('the peer keeps tensors alive')
  tf.dispose(parameters)
  adam.dispose()
  return rate
}

async function ready() {
  tf.wasm.setWasmPaths('node_modules/@tensorflow/tfjs-backend-wasm/dist/')
  await tf.setBackend('wasm')
  await tf.ready()
  const flag = (name) => tf.env().getAsync(name)
  const [simd, threads] = [await flag('WASM_HAS_SIMD_SUPPORT'), await flag('WASM_HAS_MULTITHREAD_SUPPORT')]
  return { version: tf.version.tfjs, backend: tf.getBackend(), simd, threads }
}

window.peer = { ready, variants, check, measure }
