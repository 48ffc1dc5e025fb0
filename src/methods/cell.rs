//! Recurrent cells: LSTM with peepholes (Gers et al., 2002; Sak et al., 2014) and GRU (Cho et al., 2014),
//! whose gates' matrices are held in any method's form.
//!
//! An image is a sequence of its rows. The gates of an LSTM are stacked in one matrix on `[x, h]`
//! (E-RNN, HPCA 2019), in the order input, forget, candidate, output:
//!
//! `i = s(W_i [x, h] + p_i c + b_i)`, `f = s(W_f [x, h] + p_f c + b_f)`, `g = t(W_g [x, h] + b_g)`,
//! `c' = f c + i g`, `o = s(W_o [x, h] + p_o c' + b_o)`, `h' = o t(c')`.
//!
//! A GRU has one matrix for update and reset gate on `[x, h]`, and one for the candidate on `[x, r h]`:
//! `h' = (1 - z) h + z n`. Gradients go back through all time steps.

use serde::{Deserialize, Serialize};

use super::network::Stage;
use super::operator::Tensor;
use super::quantise::Grid;
use super::squash::Squash;

/// Which cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellKind {
    /// Long short-term memory, with peepholes.
    Lstm,
    /// Gated recurrent unit.
    Gru,
}

/// A recurrent cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Which.
    pub kind: CellKind,
    /// The functions of its gates.
    pub squash: Squash,
}

impl Cell {
    /// Layers of the cell, before the one that gives the logits.
    #[must_use]
    pub fn layers(self) -> usize {
        match self.kind {
            CellKind::Lstm => 1,
            CellKind::Gru => 2,
        }
    }

    /// Outputs that each layer of a cell with so many hidden values must have.
    #[must_use]
    pub fn outputs(self, hidden: usize) -> Vec<usize> {
        match self.kind {
            CellKind::Lstm => vec![4 * hidden],
            CellKind::Gru => vec![2 * hidden, hidden],
        }
    }

    /// Sets a fresh cell's biases: an LSTM begins by not forgetting (Jozefowicz et al., 2015).
    pub(super) fn begin(self, hidden: usize, biases: &mut [f32]) {
        if self.kind == CellKind::Lstm {
            biases[hidden..2 * hidden].fill(1.0);
        }
    }
}

/// What is kept of a time step for the way back; each samples x its width.
#[derive(Clone, Debug, Default)]
struct Instant {
    /// `[x, h]`.
    seen: Vec<f32>,
    /// Gates after their functions: of an LSTM i, f, g, o; of a GRU z, r.
    gates: Vec<f32>,
    /// The LSTM's `c'`; the GRU's candidate.
    inner: Vec<f32>,
    /// The LSTM's `t(c')`; the GRU's `[x, r h]`.
    other: Vec<f32>,
}

/// A cell on its way through a sequence.
#[derive(Clone, Debug)]
pub(super) struct Recurrence {
    cell: Cell,
    hidden: usize,
    bits: Option<u8>,
    peepholes: Tensor,
    instants: Vec<Instant>,
    state: Vec<f32>,
    memory: Vec<f32>,
}

/// Magnitude that an LSTM's memory may have in fixed point.
const MOST_MEMORY: f32 = 8.0;

impl Recurrence {
    pub fn new(cell: Cell, hidden: usize, bits: Option<u8>) -> Self {
        let peepholes = match cell.kind {
            CellKind::Lstm => 3 * hidden,
            CellKind::Gru => 0,
        };
        Self {
            cell,
            hidden,
            bits,
            peepholes: Tensor::new("p", vec![peepholes], vec![0.0; peepholes]),
            instants: Vec::new(),
            state: Vec::new(),
            memory: Vec::new(),
        }
    }

    /// Layers of the network that are the cell's.
    pub fn stages(&self) -> usize {
        self.cell.layers()
    }

    /// The LSTM's peepholes: of input, forget and output gate. A GRU has none.
    pub fn peepholes(&self) -> Option<&Tensor> {
        (self.cell.kind == CellKind::Lstm).then_some(&self.peepholes)
    }

    pub fn peepholes_mut(&mut self) -> Option<&mut Tensor> {
        (self.cell.kind == CellKind::Lstm).then_some(&mut self.peepholes)
    }

    /// The hidden state after the last of the rows that `inputs` holds, sample after sample.
    pub fn forward(&mut self, stages: &mut [Stage], inputs: &[f32], samples: usize) -> &[f32] {
        let (hidden, width) = (self.hidden, stages[0].operator.sides().0);
        let row = width - hidden;
        let steps = inputs.len() / (samples * row).max(1);
        self.instants.resize(steps, Instant::default());
        self.state.clear();
        self.state.resize(samples * hidden, 0.0);
        self.memory.clear();
        self.memory.resize(samples * hidden, 0.0);
        let grid = self.bits.map(|bits| Grid::covering(bits, 1.0));
        let memory_grid = self.bits.map(|bits| Grid::covering(bits, MOST_MEMORY));
        for (time, now) in self.instants.iter_mut().enumerate() {
            now.seen.clear();
            for sample in 0..samples {
                let at = (sample * steps + time) * row;
                now.seen.extend_from_slice(&inputs[at..at + row]);
                now.seen
                    .extend_from_slice(&self.state[sample * hidden..(sample + 1) * hidden]);
            }
            now.gates
                .resize(samples * stages[0].operator.sides().1, 0.0);
            stages[0].forward(&now.seen, &mut now.gates);
            match self.cell.kind {
                CellKind::Lstm => {
                    let peepholes = &self.peepholes.values;
                    lstm_forward(
                        self.cell.squash,
                        now,
                        peepholes,
                        &mut self.memory,
                        memory_grid,
                    );
                    for ((state, gates), squashed) in rows(&mut self.state, hidden)
                        .zip(now.gates.chunks_exact(4 * hidden))
                        .zip(now.other.chunks_exact(hidden))
                    {
                        let open = &gates[3 * hidden..];
                        for ((h, o), t) in state.iter_mut().zip(open).zip(squashed) {
                            *h = o * t;
                        }
                    }
                }
                CellKind::Gru => {
                    gru_forward(self.cell.squash, now, &mut stages[1], row, &mut self.state);
                }
            }
            if let Some(grid) = grid {
                grid.round(&mut self.state);
            }
        }
        &self.state
    }

    /// Adds all gradients, for the loss's derivative with respect to the last hidden state.
    pub fn backward(&mut self, stages: &mut [Stage], inputs: &[f32], slopes: &[f32]) {
        let hidden = self.hidden;
        let samples = slopes.len() / hidden;
        let width = stages[0].operator.sides().0;
        debug_assert_eq!(
            inputs.len(),
            self.instants.len() * samples * (width - hidden)
        );
        let mut d_state = slopes.to_vec();
        let mut d_memory = vec![0.0; samples * hidden];
        let mut d_seen = vec![0.0; samples * width];
        let still = vec![0.0; samples * hidden];
        for time in (0..self.instants.len()).rev() {
            let (before, after) = self.instants.split_at_mut(time);
            let now = &mut after[0];
            match self.cell.kind {
                CellKind::Lstm => {
                    let past = before.last().map_or(&still[..], |before| &before.inner);
                    lstm_backward(
                        self.cell.squash,
                        now,
                        past,
                        &mut self.peepholes,
                        (&d_state, &mut d_memory),
                    );
                    stages[0].backward(&now.seen, &now.gates, Some(&mut d_seen));
                    take_state(&mut d_state, &d_seen, hidden);
                }
                CellKind::Gru => {
                    gru_backward(self.cell.squash, now, stages, &mut d_state, &mut d_seen);
                }
            }
        }
    }
}

fn rows(values: &mut [f32], width: usize) -> std::slice::ChunksExactMut<'_, f32> {
    values.chunks_exact_mut(width)
}

/// Takes the state's part of the derivative with respect to `[x, h]`.
fn take_state(d_state: &mut [f32], d_seen: &[f32], hidden: usize) {
    let width = d_seen.len() / (d_state.len() / hidden);
    for (slot, from) in rows(d_state, hidden).zip(d_seen.chunks_exact(width)) {
        slot.copy_from_slice(&from[width - hidden..]);
    }
}

/// From sums to gates, memory and `t(c')`.
fn lstm_forward(
    squash: Squash,
    now: &mut Instant,
    peepholes: &[f32],
    memory: &mut [f32],
    grid: Option<Grid>,
) {
    let hidden = peepholes.len() / 3;
    let (p_i, rest) = peepholes.split_at(hidden);
    let (p_f, p_o) = rest.split_at(hidden);
    for (gates, memory) in rows(&mut now.gates, 4 * hidden).zip(rows(memory, hidden)) {
        let (i, rest) = gates.split_at_mut(hidden);
        let (f, rest) = rest.split_at_mut(hidden);
        let (g, o) = rest.split_at_mut(hidden);
        for at in 0..hidden {
            i[at] += p_i[at] * memory[at];
            f[at] += p_f[at] * memory[at];
        }
        squash.sigmoid(i);
        squash.sigmoid(f);
        squash.tanh(g);
        for at in 0..hidden {
            memory[at] = f[at] * memory[at] + i[at] * g[at];
        }
        if let Some(grid) = grid {
            grid.round(memory);
        }
        for at in 0..hidden {
            o[at] += p_o[at] * memory[at];
        }
        squash.sigmoid(o);
    }
    now.inner.clear();
    now.inner.extend_from_slice(memory);
    now.other.clear();
    now.other.extend_from_slice(memory);
    squash.tanh(&mut now.other);
}

/// Turns the gates into the derivatives with respect to their sums; `past` is the memory before. Given are
/// the derivatives with respect to state and memory after; the memory's becomes that before.
fn lstm_backward(
    squash: Squash,
    now: &mut Instant,
    past: &[f32],
    peepholes: &mut Tensor,
    (d_state, d_memory): (&[f32], &mut [f32]),
) {
    let hidden = peepholes.values.len() / 3;
    let (p_i, rest) = peepholes.values.split_at(hidden);
    let (p_f, p_o) = rest.split_at(hidden);
    let (g_i, rest) = peepholes.gradient.split_at_mut(hidden);
    let (g_f, g_o) = rest.split_at_mut(hidden);
    let each = rows(&mut now.gates, 4 * hidden).enumerate();
    for (sample, gates) in each {
        let at = sample * hidden..(sample + 1) * hidden;
        let (past, memory) = (&past[at.clone()], &now.inner[at.clone()]);
        let (squashed, d_state) = (&now.other[at.clone()], &d_state[at.clone()]);
        let d_memory = &mut d_memory[at];
        let (i, rest) = gates.split_at_mut(hidden);
        let (f, rest) = rest.split_at_mut(hidden);
        let (g, o) = rest.split_at_mut(hidden);
        for k in 0..hidden {
            let d_o = d_state[k] * squashed[k] * squash.sigmoid_slope(o[k]);
            let d_c =
                d_memory[k] + d_state[k] * o[k] * squash.tanh_slope(squashed[k]) + p_o[k] * d_o;
            let d_i = d_c * g[k] * squash.sigmoid_slope(i[k]);
            let d_f = d_c * past[k] * squash.sigmoid_slope(f[k]);
            let d_g = d_c * i[k] * squash.tanh_slope(g[k]);
            d_memory[k] = d_c * f[k] + p_i[k] * d_i + p_f[k] * d_f;
            g_i[k] += d_i * past[k];
            g_f[k] += d_f * past[k];
            g_o[k] += d_o * memory[k];
            (i[k], f[k], g[k], o[k]) = (d_i, d_f, d_g, d_o);
        }
    }
}

/// From sums to gates, candidate and next state.
fn gru_forward(
    squash: Squash,
    now: &mut Instant,
    candidate: &mut Stage,
    row: usize,
    state: &mut [f32],
) {
    squash.sigmoid(&mut now.gates);
    let (inputs, hidden) = candidate.operator.sides();
    now.other.clone_from(&now.seen);
    for (reset, seen) in now
        .gates
        .chunks_exact(2 * hidden)
        .zip(rows(&mut now.other, inputs))
    {
        for (h, r) in seen[row..].iter_mut().zip(&reset[hidden..]) {
            *h *= r;
        }
    }
    now.inner.resize(state.len(), 0.0);
    candidate.forward(&now.other, &mut now.inner);
    squash.tanh(&mut now.inner);
    let gates = now.gates.chunks_exact(2 * hidden);
    for ((state, gates), new) in rows(state, hidden)
        .zip(gates)
        .zip(now.inner.chunks_exact(hidden))
    {
        for ((h, z), n) in state.iter_mut().zip(gates).zip(new) {
            *h += z * (n - *h);
        }
    }
}

/// Adds a time step's gradients; the derivative with respect to the state after becomes that before.
fn gru_backward(
    squash: Squash,
    now: &mut Instant,
    stages: &mut [Stage],
    d_state: &mut [f32],
    d_seen: &mut [f32],
) {
    let (width, hidden) = stages[1].operator.sides();
    let row = width - hidden;
    let mut d_new = vec![0.0; d_state.len()];
    let mut d_gates = vec![0.0; now.gates.len()];
    let samples = d_state.len() / hidden;
    for sample in 0..samples {
        let past = &now.seen[sample * width + row..(sample + 1) * width];
        let gates = &now.gates[2 * sample * hidden..];
        let slots = &mut d_gates[2 * sample * hidden..];
        for k in 0..hidden {
            let at = sample * hidden + k;
            let (z, n, d) = (gates[k], now.inner[at], d_state[at]);
            d_new[at] = d * z * squash.tanh_slope(n);
            slots[k] = d * (n - past[k]) * squash.sigmoid_slope(z);
            d_state[at] = d * (1.0 - z);
        }
    }
    stages[1].backward(&now.other, &d_new, Some(d_seen));
    for sample in 0..samples {
        let past = &now.seen[sample * width + row..(sample + 1) * width];
        let d_reset = &d_seen[sample * width + row..(sample + 1) * width];
        let gates = &now.gates[2 * sample * hidden..];
        for k in 0..hidden {
            let r = gates[hidden + k];
            d_gates[(2 * sample + 1) * hidden + k] = d_reset[k] * past[k] * squash.sigmoid_slope(r);
            d_state[sample * hidden + k] += d_reset[k] * r;
        }
    }
    stages[0].backward(&now.seen, &d_gates, Some(d_seen));
    for (state, seen) in rows(d_state, hidden).zip(d_seen.chunks_exact(width)) {
        crate::kernels::add(state, &seen[row..]);
    }
}
