//! Contraction trees of one layer: which indices a subset of its tensors leaves open, and what
//! contracting two subsets costs.

use std::fmt;

use super::{Axis, Label};
use crate::tt::TtShape;

/// A binary contraction tree. Leaf 0 is the layer's input, leaf k (from 1) its k-th core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// A tensor of the layer.
    Leaf(usize),
    /// The contraction of two subtrees.
    Node(Box<Tree>, Box<Tree>),
}

impl Tree {
    /// The contraction of two trees.
    #[must_use]
    pub fn node(left: Self, right: Self) -> Self {
        Self::Node(Box::new(left), Box::new(right))
    }

    /// Right-to-left: the input meets the last core first.
    #[must_use]
    pub fn right_to_left(depth: usize) -> Self {
        (1..=depth).rev().fold(Self::Leaf(0), |tree, core| {
            Self::node(tree, Self::Leaf(core))
        })
    }

    /// Left-to-right: the input meets the first core first.
    #[must_use]
    pub fn left_to_right(depth: usize) -> Self {
        (1..=depth).fold(Self::Leaf(0), |tree, core| {
            Self::node(tree, Self::Leaf(core))
        })
    }

    /// The leaves as a bit set.
    #[must_use]
    pub fn leaves(&self) -> Leaves {
        match self {
            Self::Leaf(leaf) => Leaves(1 << leaf),
            Self::Node(left, right) => Leaves(left.leaves().0 | right.leaves().0),
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaf(0) => f.write_str("x"),
            Self::Leaf(core) => write!(f, "G{core}"),
            Self::Node(left, right) => {
                let part = |f: &mut fmt::Formatter<'_>, tree: &Self| match tree {
                    Self::Leaf(_) => write!(f, "{tree}"),
                    Self::Node(..) => write!(f, "({tree})"),
                };
                part(f, left)?;
                part(f, right)
            }
        }
    }
}

/// A set of a layer's tensors: bit 0 the input, bit k the k-th core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leaves(pub u32);

impl Leaves {
    /// Whether the input is among them.
    #[must_use]
    pub fn has_input(self) -> bool {
        self.0 & 1 == 1
    }

    /// A name such as `x*G1G2`.
    #[must_use]
    pub fn name(self) -> String {
        let cores: Vec<String> = (1..32)
            .filter(|k| self.0 >> k & 1 == 1)
            .map(|k| format!("G{k}"))
            .collect();
        let cores = cores.concat();
        match (self.has_input(), cores.is_empty()) {
            (true, true) => "x".into(),
            (true, false) => format!("x*{cores}"),
            (false, _) => cores,
        }
    }

    /// Indices that run over the set's product once everything inside is contracted, with their
    /// sizes, in the order of the modes.
    #[must_use]
    pub fn open(self, shape: &TtShape) -> Vec<Axis> {
        let d = shape.depth();
        let has = |leaf: usize| self.0 >> leaf & 1 == 1;
        let mut axes = Vec::new();
        for k in 0..d {
            let core = has(k + 1);
            if k > 0 && core != has(k) {
                axes.push(Axis {
                    label: Label::Bond(k as u8 - 1),
                    size: shape.ranks()[k - 1],
                });
            }
            if core != self.has_input() {
                axes.push(Axis {
                    label: Label::In(k as u8),
                    size: shape.in_modes()[k],
                });
            }
            if core {
                axes.push(Axis {
                    label: Label::Out(k as u8),
                    size: shape.out_modes()[k],
                });
            }
        }
        axes
    }
}

/// Multiply-accumulates of contracting two tensors with these axes: the product of the sizes of all
/// indices that run over either.
#[must_use]
pub fn contraction_macs(a: &[Axis], b: &[Axis]) -> u64 {
    let product =
        |axes: &mut dyn Iterator<Item = &Axis>| axes.map(|axis| axis.size as u64).product::<u64>();
    let only_b = &mut b
        .iter()
        .filter(|axis| a.iter().all(|other| other.label != axis.label));
    product(&mut a.iter()) * product(only_b)
}
