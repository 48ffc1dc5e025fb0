//! A machine: the array, its memories and its clock, as one value that can be edited and checked.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much of the work on neighbouring tiles of one operation overlaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// Load, compute and store one tile after another.
    None,
    /// Tiles of one group of lanes overlap; the next group starts anew.
    Groups,
    /// All tiles overlap, through ping-pong buffers.
    Full,
}

/// How results that come out column by column are turned into rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transposer {
    /// One register square: filled, then drained.
    Single,
    /// Two register squares: one is filled while the other is drained.
    Double,
}

/// A contraction element: how its three stages are coupled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coupling {
    /// What overlaps.
    pub overlap: Overlap,
    /// Tiles that the buffer between load and compute holds: 1 for a single buffer, 2 for ping-pong.
    pub input_buffers: usize,
    /// Tiles that the buffer between compute and store holds.
    pub output_buffers: usize,
    /// How rows are formed from columns.
    pub transposer: Transposer,
}

/// How outer products use the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OuterProduct {
    /// One line of `lanes` multipliers along the innermost index.
    Line,
    /// The whole array.
    Array,
}

/// The element for everything that is not a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elementwise {
    /// Values per beat.
    pub lanes: usize,
    /// Passes over the logits: maximum, sum of exponentials, quotient.
    pub softmax_passes: usize,
    /// Passes over a core and its gradient: moments and new value, then the ranks' relevance.
    pub update_passes: usize,
}

/// Ports and banks of the memory of activations and gradients. Value `i` lies in bank `i mod banks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// Values that one access moves at most.
    pub width: usize,
    /// Banks, each with one access per cycle. As many as lanes serve neighbours in one cycle; one more
    /// also serves values that lie a power of two apart.
    pub banks: usize,
    /// Whether loads and stores share one port; a phase then holds it from its first beat to its last,
    /// and a store that is ready goes first.
    pub shared: bool,
}

/// Cycles between a stage's last beat and its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// Of every load.
    pub load: u32,
    /// Of every tile's products.
    pub compute: u32,
    /// Of every store.
    pub store: u32,
    /// Of every elementwise operation and outer product.
    pub elementwise: u32,
}

/// Where activations and gradients live.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", try_from = "MemoryForm")]
pub enum Memory {
    /// In block RAM.
    OnChip,
    /// In external memory; every load and store goes through it. Approximate: a constant latency and
    /// a constant bandwidth, without rows and refresh.
    External {
        /// Bytes per cycle.
        bytes_per_cycle: u32,
        /// Cycles from a phase's request to its first word.
        latency: u32,
    },
}

/// A memory as it is read: a plain struct, since a tagged one would be read by way of a copy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemoryForm {
    kind: MemoryKind,
    bytes_per_cycle: Option<u32>,
    latency: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum MemoryKind {
    OnChip,
    External,
}

impl TryFrom<MemoryForm> for Memory {
    type Error = &'static str;

    fn try_from(form: MemoryForm) -> Result<Self, Self::Error> {
        match (form.kind, form.bytes_per_cycle, form.latency) {
            (MemoryKind::OnChip, None, None) => Ok(Self::OnChip),
            (MemoryKind::External, Some(bytes_per_cycle), Some(latency)) => Ok(Self::External {
                bytes_per_cycle,
                latency,
            }),
            (MemoryKind::OnChip, ..) => {
                Err("on-chip memory takes neither `bytes_per_cycle` nor `latency`")
            }
            (MemoryKind::External, ..) => {
                Err("external memory needs `bytes_per_cycle` and `latency`")
            }
        }
    }
}

/// A named device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Device {
    /// Zynq `UltraScale+` ZU3EG (Ultra96-V2).
    #[serde(rename = "zu3eg")]
    Zu3eg,
    /// Zynq 7020 (PYNQ-Z2).
    #[serde(rename = "zynq7020")]
    Zynq7020,
    /// Lattice ECP5 LFE5U-25F.
    #[serde(rename = "ecp5-25f")]
    Ecp5F25,
    /// Lattice ECP5 LFE5U-45F (ULX3S).
    #[serde(rename = "ecp5-45f")]
    Ecp5F45,
    /// Lattice ECP5 LFE5U-85F (ULX3S).
    #[serde(rename = "ecp5-85f")]
    Ecp5F85,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Values that a beat takes along the innermost index (P1).
    pub lanes: usize,
    /// Rows of the array (P2): rows or columns of the result that a beat works on.
    pub rows: usize,
    /// Clock in MHz.
    pub clock_mhz: f64,
    /// The element whose lanes run along the contracted index (PE1).
    pub last: Coupling,
    /// Whether lanes of that element run across all trailing contracted indices, or only along the
    /// innermost (published).
    pub flatten_terms: bool,
    /// The element whose lanes run along a free index (PE2).
    pub middle: Coupling,
    /// The element for outer products (PE3).
    pub outer: OuterProduct,
    /// The element for the rest.
    pub elementwise: Elementwise,
    /// Ports of the memory of activations and gradients.
    pub ports: Ports,
    /// Pipeline depths.
    pub pipeline: Pipeline,
    /// Where activations and gradients live.
    pub memory: Memory,
    /// The device it should fit.
    pub device: Device,
}

/// What is wrong with a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineError {
    /// The field, such as `last.input_buffers`.
    pub field: String,
    /// What it holds and what is accepted.
    pub message: String,
}

impl fmt::Display for MachineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for MachineError {}

/// Names of the presets.
pub const PRESETS: [&str; 3] = ["published", "overlapped", "streamlined"];

impl Machine {
    /// The machine of the paper's HLS code: 16 x 8 multipliers; the element of the last index does not
    /// overlap, that of the middle indices only within a group of lanes; outer products on one line.
    #[must_use]
    pub fn published() -> Self {
        Self {
            name: "published".into(),
            lanes: 16,
            rows: 8,
            clock_mhz: 100.0,
            last: Coupling {
                overlap: Overlap::None,
                input_buffers: 2,
                output_buffers: 2,
                transposer: Transposer::Single,
            },
            flatten_terms: false,
            middle: Coupling {
                overlap: Overlap::Groups,
                input_buffers: 2,
                output_buffers: 2,
                transposer: Transposer::Single,
            },
            outer: OuterProduct::Line,
            elementwise: Elementwise {
                lanes: 1,
                softmax_passes: 3,
                update_passes: 2,
            },
            ports: Ports {
                width: 16,
                banks: 16,
                shared: false,
            },
            pipeline: Pipeline::default(),
            memory: Memory::OnChip,
            device: Device::Zu3eg,
        }
    }

    /// The published array with ping-pong buffers used to the full.
    #[must_use]
    pub fn overlapped() -> Self {
        let full = Coupling {
            overlap: Overlap::Full,
            input_buffers: 2,
            output_buffers: 2,
            transposer: Transposer::Double,
        };
        Self {
            name: "overlapped".into(),
            last: full,
            middle: full,
            ..Self::published()
        }
    }

    /// Overlapped, with outer products on the whole array, elementwise work on all lanes, lanes across
    /// all trailing contracted indices, and one bank more than lanes.
    #[must_use]
    pub fn streamlined() -> Self {
        Self {
            name: "streamlined".into(),
            flatten_terms: true,
            outer: OuterProduct::Array,
            elementwise: Elementwise {
                lanes: 16,
                ..Self::published().elementwise
            },
            ports: Ports {
                banks: 17,
                ..Self::published().ports
            },
            ..Self::overlapped()
        }
    }

    /// A preset by its name.
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        match name {
            "published" => Some(Self::published()),
            "overlapped" => Some(Self::overlapped()),
            "streamlined" => Some(Self::streamlined()),
            _ => None,
        }
    }

    /// The same machine with another array; ports and banks grow and shrink with the lanes.
    #[must_use]
    pub fn with_array(mut self, lanes: usize, rows: usize) -> Self {
        self.ports.width = lanes;
        self.ports.banks = (self.ports.banks + lanes).saturating_sub(self.lanes).max(1);
        if self.elementwise.lanes == self.lanes {
            self.elementwise.lanes = lanes;
        }
        (self.lanes, self.rows) = (lanes, rows);
        self
    }

    /// Values of a sample that come in with one beat, to neighbouring addresses.
    #[must_use]
    pub fn input_width(&self) -> usize {
        self.lanes.min(self.ports.width).min(self.ports.banks)
    }

    /// Multipliers of the array.
    #[must_use]
    pub fn multipliers(&self) -> usize {
        self.lanes * self.rows
    }

    /// Checks every field.
    ///
    /// # Errors
    /// The first field that no machine can have, with what is accepted.
    pub fn validate(&self) -> Result<(), MachineError> {
        let within = |field: &str, value: usize, low: usize, high: usize| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(MachineError {
                    field: field.into(),
                    message: format!("{value} is not accepted; choose {low} to {high}"),
                })
            }
        };
        within("lanes", self.lanes, 1, 256)?;
        within("rows", self.rows, 1, 256)?;
        if !(self.clock_mhz.is_finite() && (1.0..=2000.0).contains(&self.clock_mhz)) {
            return Err(MachineError {
                field: "clock_mhz".into(),
                message: format!("{} is not accepted; choose 1 to 2000 MHz", self.clock_mhz),
            });
        }
        for (name, coupling) in [("last", &self.last), ("middle", &self.middle)] {
            within(
                &format!("{name}.input_buffers"),
                coupling.input_buffers,
                1,
                8,
            )?;
            within(
                &format!("{name}.output_buffers"),
                coupling.output_buffers,
                1,
                8,
            )?;
        }
        within("elementwise.lanes", self.elementwise.lanes, 1, 256)?;
        within(
            "elementwise.softmax_passes",
            self.elementwise.softmax_passes,
            1,
            16,
        )?;
        within(
            "elementwise.update_passes",
            self.elementwise.update_passes,
            1,
            16,
        )?;
        within("ports.width", self.ports.width, 1, 256)?;
        within("ports.banks", self.ports.banks, 1, 512)?;
        for (name, depth) in [
            ("load", self.pipeline.load),
            ("compute", self.pipeline.compute),
            ("store", self.pipeline.store),
            ("elementwise", self.pipeline.elementwise),
        ] {
            within(&format!("pipeline.{name}"), depth as usize, 0, 256)?;
        }
        if let Memory::External {
            bytes_per_cycle,
            latency,
        } = self.memory
        {
            within("memory.bytes_per_cycle", bytes_per_cycle as usize, 1, 1024)?;
            within("memory.latency", latency as usize, 0, 10_000)?;
        }
        Ok(())
    }
}
