//! The same network with dense matrices in `f64`: forward pass, gradients by the chain rule, and the
//! gradients of cores by contracting the dense `dW` with the other cores.

use ndarray::{Array1, Array2, Array4};
use railyard::program::NetworkShape;
use railyard::tt::TtMatrix;

/// A network's parameters, or numbers in their places: the cores of every layer in (r, m, n, r')
/// order, and its bias.
#[derive(Clone)]
pub struct Parameters {
    pub cores: Vec<Vec<Vec<f64>>>,
    pub biases: Vec<Vec<f64>>,
}

impl Parameters {
    /// Every tensor with what it is called.
    pub fn tensors(&self) -> impl Iterator<Item = (String, &Vec<f64>)> {
        let cores = self.cores.iter().enumerate().flat_map(|(layer, cores)| {
            cores
                .iter()
                .enumerate()
                .map(move |(k, core)| (format!("G{} of layer {}", k + 1, layer + 1), core))
        });
        let biases = self.biases.iter().enumerate();
        cores.chain(biases.map(|(layer, bias)| (format!("b of layer {}", layer + 1), bias)))
    }
}

/// What a batch gives.
pub struct Pass {
    pub logits: Vec<Vec<f64>>,
    pub losses: Vec<f64>,
    /// Smallest magnitude that any `ReLU` met: its distance from the kink.
    pub margin: f64,
}

/// `2^-exponent W` of every layer.
pub fn matrices(network: &NetworkShape, parameters: &Parameters) -> Vec<Array2<f64>> {
    let layers = network
        .layers
        .iter()
        .zip(&network.exponents)
        .zip(&parameters.cores);
    layers
        .map(|((shape, &exponent), cores)| {
            train(shape, cores).reconstruct() * 2_f64.powi(-exponent)
        })
        .collect()
}

fn train(shape: &railyard::tt::TtShape, cores: &[Vec<f64>]) -> TtMatrix {
    TtMatrix::from_slices(shape, cores).unwrap()
}

/// The forward pass on every sample.
pub fn forward(
    network: &NetworkShape,
    parameters: &Parameters,
    batch: &[(Vec<f64>, usize)],
) -> Pass {
    let matrices = matrices(network, parameters);
    let mut pass = Pass {
        logits: Vec::new(),
        losses: Vec::new(),
        margin: f64::INFINITY,
    };
    for (pixels, label) in batch {
        let sums = sums(&matrices, &parameters.biases, pixels);
        let (last, hidden) = sums.split_last().unwrap();
        let margins = hidden.iter().flatten().map(|z| z.abs());
        pass.margin = margins.fold(pass.margin, f64::min);
        let logits = &last.as_slice().unwrap()[..network.classes];
        pass.losses.push(-softmax(logits)[*label].ln());
        pass.logits.push(logits.to_vec());
    }
    pass
}

/// `W x + b` of every layer, before its `ReLU`.
fn sums(matrices: &[Array2<f64>], biases: &[Vec<f64>], pixels: &[f64]) -> Vec<Array1<f64>> {
    let mut x = Array1::from_vec(pixels.to_vec());
    let mut all = Vec::new();
    for (matrix, bias) in matrices.iter().zip(biases) {
        let z = matrix.dot(&x) + Array1::from_vec(bias.clone());
        x = z.mapv(|z| z.max(0.0));
        all.push(z);
    }
    all
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logits.iter().map(|logit| (logit - top).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

/// Gradients of the losses' sum, in the places of their parameters.
pub fn gradients(
    network: &NetworkShape,
    parameters: &Parameters,
    batch: &[(Vec<f64>, usize)],
) -> Parameters {
    let matrices = matrices(network, parameters);
    let mut dense: Vec<Array2<f64>> = matrices
        .iter()
        .map(|matrix| Array2::zeros(matrix.dim()))
        .collect();
    let mut biases: Vec<Vec<f64>> = parameters
        .biases
        .iter()
        .map(|bias| vec![0.0; bias.len()])
        .collect();
    for (pixels, label) in batch {
        let sums = sums(&matrices, &parameters.biases, pixels);
        let last = sums.len() - 1;
        // dL/dlogits = p - 1[label]; logits beyond the classes have no part in the loss.
        let mut dy = Array1::zeros(sums[last].len());
        for (i, p) in softmax(&sums[last].as_slice().unwrap()[..network.classes])
            .into_iter()
            .enumerate()
        {
            dy[i] = p - f64::from(u8::from(i == *label));
        }
        for layer in (0..=last).rev() {
            let x = if layer == 0 {
                Array1::from_vec(pixels.clone())
            } else {
                sums[layer - 1].mapv(|z| z.max(0.0))
            };
            for ((row, col), sum) in dense[layer].indexed_iter_mut() {
                *sum += dy[row] * x[col];
            }
            biases[layer]
                .iter_mut()
                .zip(&dy)
                .for_each(|(sum, dy)| *sum += dy);
            if layer > 0 {
                let dx = matrices[layer].t().dot(&dy);
                dy = Array1::from_shape_fn(dx.len(), |i| {
                    if sums[layer - 1][i] > 0.0 { dx[i] } else { 0.0 }
                });
            }
        }
    }
    let layers = network
        .layers
        .iter()
        .zip(&network.exponents)
        .zip(&parameters.cores)
        .zip(&dense);
    let cores = layers.map(|(((shape, &exponent), cores), dense)| {
        let scaled = dense * 2_f64.powi(-exponent);
        core_gradients(&train(shape, cores), &scaled)
    });
    Parameters {
        cores: cores.collect(),
        biases,
    }
}

/// `dG_k[r, i, j, s]`, the sum over all entries of `W` with digits `i_k = i`, `j_k = j` of `dW` times
/// entry r of the product of the cores before k times entry s of the product of those after k.
fn core_gradients(train: &TtMatrix, dense: &Array2<f64>) -> Vec<Vec<f64>> {
    let (shape, cores) = (train.shape(), train.cores());
    let mut gradients: Vec<Array4<f64>> =
        cores.iter().map(|core| Array4::zeros(core.dim())).collect();
    for ((row, col), &dw) in dense.indexed_iter() {
        let (i, j) = (
            digits(row, shape.out_modes()),
            digits(col, shape.in_modes()),
        );
        for (k, gradient) in gradients.iter_mut().enumerate() {
            let mut left = vec![1.0];
            for l in 0..k {
                left = (0..cores[l].dim().3)
                    .map(|s| {
                        left.iter()
                            .enumerate()
                            .map(|(r, left)| left * cores[l][[r, i[l], j[l], s]])
                            .sum()
                    })
                    .collect();
            }
            let mut right = vec![1.0];
            for l in (k + 1..cores.len()).rev() {
                right = (0..cores[l].dim().0)
                    .map(|r| {
                        right
                            .iter()
                            .enumerate()
                            .map(|(s, right)| cores[l][[r, i[l], j[l], s]] * right)
                            .sum()
                    })
                    .collect();
            }
            for (r, left) in left.iter().enumerate() {
                for (s, right) in right.iter().enumerate() {
                    gradient[[r, i[k], j[k], s]] += dw * left * right;
                }
            }
        }
    }
    gradients
        .iter()
        .map(|gradient| gradient.iter().copied().collect())
        .collect()
}

/// Digits of `index` in the row-major mixed base `modes`.
fn digits(mut index: usize, modes: &[usize]) -> Vec<usize> {
    let mut digits = vec![0; modes.len()];
    for (digit, mode) in digits.iter_mut().zip(modes).rev() {
        *digit = index % mode;
        index /= mode;
    }
    digits
}
