//! Random networks, machines and words, the same on every run.

use railyard::accel::Machine;
use railyard::accel::machine::{
    Coupling, Elementwise, Memory, OuterProduct, Overlap, Pipeline, Ports, Transposer,
};
use railyard::exec::fixed::FixedFormats;
use railyard::numeric::{Rounding, Seed, Stream};
use railyard::program::{NetworkShape, Program, Schedule, compile, compile_with_input_gradient};
use railyard::tt::TtShape;

/// Draws from a numbered stream, one after another.
pub struct Dice {
    stream: Stream,
    next: u32,
}

impl Dice {
    pub fn new(seed: u32) -> Self {
        Self {
            stream: Stream::new(Seed(seed), 0, 0, 0),
            next: 0,
        }
    }

    /// A number from `low` to `high`.
    pub fn within(&mut self, low: usize, high: usize) -> usize {
        self.next += 1;
        low + self.stream.below(self.next, (high - low + 1) as u32) as usize
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.within(0, choices.len() - 1)]
    }

    /// A word of `bits` bits.
    pub fn word(&mut self, bits: u8) -> i16 {
        (self.within(0, (1 << bits) - 1) as i32 - (1 << (bits - 1))) as i16
    }

    pub fn words(&mut self, count: usize, bits: u8) -> Vec<i16> {
        (0..count).map(|_| self.word(bits)).collect()
    }

    fn list(&mut self, count: usize, low: usize, high: usize) -> Vec<usize> {
        (0..count).map(|_| self.within(low, high)).collect()
    }

    /// One or two layers of one to three cores, with ranks from 1 to 20.
    pub fn network(&mut self) -> NetworkShape {
        let depth = self.within(1, 3);
        let top = [64, 14, 6][depth - 1];
        let first = TtShape::new(
            self.list(depth, 1, top),
            self.list(depth, 1, top),
            self.list(depth - 1, 1, 20),
        )
        .expect("small modes");
        let mut layers = vec![first];
        if self.within(0, 1) == 1 {
            let modes = layers[0].out_modes().to_vec();
            let out = self.list(depth, 1, 4);
            let ranks = self.list(depth - 1, 1, 20);
            layers.push(TtShape::new(modes, out, ranks).expect("small modes"));
        }
        let outputs = layers[layers.len() - 1].outputs();
        NetworkShape {
            exponents: vec![0; layers.len()],
            classes: self.within(1, outputs),
            layers,
        }
    }

    pub fn program(&mut self) -> Program {
        let network = self.network();
        let schedule = self.one_of(&[Schedule::Paper, Schedule::Chain, Schedule::Planned]);
        let batch = self.within(1, 3);
        if self.within(0, 3) == 0 {
            compile_with_input_gradient(&network, schedule, batch)
        } else {
            compile(&network, schedule, batch)
        }
    }

    pub fn formats(&mut self) -> FixedFormats {
        FixedFormats {
            core: self.within(2, 8) as u8,
            activation: self.within(4, 12) as u8,
            gradient: self.within(8, 16) as u8,
            rounding: self.one_of(&[Rounding::Truncate, Rounding::Nearest, Rounding::Stochastic]),
        }
    }

    fn coupling(&mut self) -> Coupling {
        Coupling {
            overlap: self.one_of(&[Overlap::None, Overlap::Groups, Overlap::Full]),
            input_buffers: self.within(1, 4),
            output_buffers: self.within(1, 4),
            transposer: self.one_of(&[Transposer::Single, Transposer::Double]),
        }
    }

    pub fn machine(&mut self) -> Machine {
        let (lanes, rows) = (self.within(2, 32), self.within(2, 16));
        let memory = if self.within(0, 2) == 0 {
            Memory::External {
                bytes_per_cycle: self.within(1, 40) as u32,
                latency: self.within(0, 30) as u32,
            }
        } else {
            Memory::OnChip
        };
        let depth = |dice: &mut Self| dice.within(0, 9) as u32;
        let machine = Machine {
            last: self.coupling(),
            flatten_terms: self.within(0, 1) == 1,
            middle: self.coupling(),
            outer: self.one_of(&[OuterProduct::Line, OuterProduct::Array]),
            elementwise: Elementwise {
                lanes: self.within(1, 32),
                softmax_passes: self.within(1, 5),
                update_passes: self.within(1, 3),
            },
            ports: Ports {
                width: self.within(1, 32),
                banks: self.within(1, 70),
                shared: self.within(0, 1) == 1,
            },
            pipeline: Pipeline {
                load: depth(self),
                compute: depth(self),
                store: depth(self),
                elementwise: depth(self),
            },
            memory,
            ..Machine::published().with_array(lanes, rows)
        };
        // The array's own width and about as many banks most of the time.
        if self.within(0, 2) > 0 {
            let (width, banks) = (machine.lanes, machine.lanes + self.within(0, 1));
            return Machine {
                ports: Ports {
                    width,
                    banks,
                    ..machine.ports
                },
                ..machine
            };
        }
        machine
    }
}
