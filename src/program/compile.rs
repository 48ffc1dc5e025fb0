//! From a network's shape to the Program of one training step.

use super::tree::{Leaves, Tree};
use super::{
    Axis, Buffer, BufferId, Class, Label, LayerBuffers, Op, OpKind, Part, Pass, Program, Schedule,
    Scope, View, plan,
};
use crate::numeric::sort_by_key;
use crate::tt::TtShape;

/// What a Program is compiled for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkShape {
    /// Shape of each layer, at its present ranks.
    pub layers: Vec<TtShape>,
    /// Constant scale `2^-exponent` of each layer's weights.
    pub exponents: Vec<i32>,
    /// Logits in use.
    pub classes: usize,
}

/// Compiles a training step on `batch` samples.
///
/// # Panics
/// If there is no layer, the lists differ in length, a layer has not as many inputs as the one before
/// has outputs or more than 31 cores, or the classes are none, more than 256 or more than the outputs.
#[must_use]
pub fn compile(network: &NetworkShape, schedule: Schedule, batch: usize) -> Program {
    build(network, schedule, batch, false)
}

/// As [`compile`] (panics too), with the gradient of the network's input, which training does not need
/// and published counts include.
#[must_use]
pub fn compile_with_input_gradient(
    network: &NetworkShape,
    schedule: Schedule,
    batch: usize,
) -> Program {
    build(network, schedule, batch, true)
}

fn build(network: &NetworkShape, schedule: Schedule, batch: usize, to_input: bool) -> Program {
    assert!(
        !network.layers.is_empty(),
        "a network has at least one layer"
    );
    assert_eq!(network.layers.len(), network.exponents.len());
    let fit = |pair: &[TtShape]| pair[0].outputs() == pair[1].inputs();
    assert!(
        network.layers.windows(2).all(fit),
        "a layer has the inputs that the one before puts out"
    );
    // A set of a layer's tensors is the bits of one word: the input and 31 cores.
    assert!(
        network.layers.iter().all(|layer| layer.depth() <= 31),
        "a layer has at most 31 cores"
    );
    // Labels and answers are bytes.
    let outputs = network.layers[network.layers.len() - 1].outputs();
    assert!(
        (1..=outputs.min(256)).contains(&network.classes),
        "classes are 1 to 256 of the outputs"
    );
    let mut build = Builder {
        to_input,
        ..Builder::default()
    };
    let input = build.buffer(
        "x",
        network.layers[0].inputs(),
        Class::Activation,
        Scope::Sample,
    );
    let mut layers: Vec<Layer> = Vec::new();
    let mut previous = input;
    for (index, shape) in network.layers.iter().enumerate() {
        let last = index + 1 == network.layers.len();
        let layer = build.forward(
            index,
            shape,
            schedule,
            batch,
            network.exponents[index],
            previous,
            last,
        );
        previous = layer.buffers.output;
        layers.push(layer);
    }
    let last = layers.len() - 1;
    let logits = layers[last].buffers.output;
    let mut gradient = build.buffer(
        "dlogits",
        build.buffers[logits.0].len,
        Class::Gradient,
        Scope::Sample,
    );
    let classes = network.classes;
    let loss = OpKind::SoftmaxCrossEntropy {
        logits,
        gradient,
        classes,
        smoothing: 0,
    };
    build.op("softmax".into(), loss, Part::Sample, Pass::Forward, last);
    for layer in layers.iter().rev() {
        gradient = build.backward(layer, schedule, gradient);
    }
    for layer in &layers {
        build.updates(layer);
    }
    let Builder {
        buffers, mut ops, ..
    } = build;
    // Stable: the order within a part is the order of emission.
    sort_by_key(&mut ops, |op| match op.part {
        Part::Before => [0, 0],
        Part::Sample => [1, 0],
        Part::After => [2, 0],
    });
    let trees = layers.iter().map(|layer| layer.tree.clone()).collect();
    let layers = layers.into_iter().map(|layer| layer.buffers).collect();
    Program {
        buffers,
        ops,
        batch,
        classes,
        layers,
        trees,
    }
}

/// A layer's forward pass as emitted: what the backward pass differentiates.
struct Layer {
    index: usize,
    exponent: i32,
    tree: Tree,
    root: Node,
    buffers: LayerBuffers,
}

/// A tensor of the tree with the view that holds its value.
struct Node {
    leaves: Leaves,
    view: View,
    children: Option<Box<(Node, Node)>>,
}

#[derive(Default)]
struct Builder {
    buffers: Vec<Buffer>,
    ops: Vec<Op>,
    /// Whether the network's input gets a gradient.
    to_input: bool,
}

impl Builder {
    fn buffer(
        &mut self,
        name: impl Into<String>,
        len: usize,
        class: Class,
        scope: Scope,
    ) -> BufferId {
        self.buffers.push(Buffer {
            name: name.into(),
            len,
            class,
            scope,
        });
        BufferId(self.buffers.len() - 1)
    }

    fn tensor(
        &mut self,
        name: impl Into<String>,
        axes: Vec<Axis>,
        class: Class,
        scope: Scope,
    ) -> View {
        let len = axes.iter().map(|axis| axis.size).product();
        View {
            buffer: self.buffer(name, len, class, scope),
            axes,
        }
    }

    fn op(&mut self, name: String, kind: OpKind, part: Part, pass: Pass, layer: usize) {
        self.ops.push(Op {
            name,
            kind,
            part,
            pass,
            layer,
        });
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call, one meaning each; a struct would only rename them"
    )]
    fn forward(
        &mut self,
        index: usize,
        shape: &TtShape,
        schedule: Schedule,
        batch: usize,
        exponent: i32,
        input: BufferId,
        last: bool,
    ) -> Layer {
        let prefix = format!("fc{}", index + 1);
        let depth = shape.depth();
        let (mut cores, mut core_gradients) = (Vec::new(), Vec::new());
        for k in 0..depth {
            let len = shape.core_shape(k).iter().product();
            cores.push(self.buffer(
                format!("{prefix}.G{}", k + 1),
                len,
                Class::Core,
                Scope::Batch,
            ));
            core_gradients.push(self.buffer(
                format!("{prefix}.dG{}", k + 1),
                len,
                Class::Gradient,
                Scope::Batch,
            ));
        }
        let bias = self.buffer(
            format!("{prefix}.b"),
            shape.outputs(),
            Class::Bias,
            Scope::Batch,
        );
        let bias_gradient = self.buffer(
            format!("{prefix}.db"),
            shape.outputs(),
            Class::Gradient,
            Scope::Batch,
        );
        let output = self.buffer(
            format!("{prefix}.y"),
            shape.outputs(),
            Class::Activation,
            Scope::Sample,
        );
        let buffers = LayerBuffers {
            cores,
            core_gradients,
            bias,
            bias_gradient,
            input,
            output,
        };
        let tree = match schedule {
            Schedule::Paper | Schedule::Chain => Tree::right_to_left(depth),
            Schedule::Planned => plan(shape, batch, index > 0),
        };
        let root = self.emit(&tree, index, shape, schedule, exponent, &buffers, true);
        self.op(
            format!("{prefix}.bias"),
            OpKind::Bias { y: output, bias },
            Part::Sample,
            Pass::Forward,
            index,
        );
        if !last {
            self.op(
                format!("{prefix}.relu"),
                OpKind::Relu { y: output },
                Part::Sample,
                Pass::Forward,
                index,
            );
        }
        Layer {
            index,
            exponent,
            tree,
            root,
            buffers,
        }
    }

    /// Emits the contractions of a subtree and returns where its value is.
    #[expect(
        clippy::too_many_arguments,
        reason = "a recursion over the tree with its surroundings"
    )]
    fn emit(
        &mut self,
        tree: &Tree,
        index: usize,
        shape: &TtShape,
        schedule: Schedule,
        exponent: i32,
        buffers: &LayerBuffers,
        root: bool,
    ) -> Node {
        let leaves = tree.leaves();
        let (left, right) = match tree {
            Tree::Leaf(0) => {
                let view = View {
                    buffer: buffers.input,
                    axes: leaves.open(shape),
                };
                return Node {
                    leaves,
                    view,
                    children: None,
                };
            }
            Tree::Leaf(core) => {
                let view = View {
                    buffer: buffers.cores[core - 1],
                    axes: core_axes(shape, core - 1),
                };
                return Node {
                    leaves,
                    view,
                    children: None,
                };
            }
            Tree::Node(left, right) => (left, right),
        };
        let left = self.emit(left, index, shape, schedule, exponent, buffers, false);
        let right = self.emit(right, index, shape, schedule, exponent, buffers, false);
        let per_sample = leaves.has_input();
        let name = format!("fc{}.{}", index + 1, leaves.name());
        let (scope, part) = if per_sample {
            (Scope::Sample, Part::Sample)
        } else {
            (Scope::Batch, Part::Before)
        };
        let view = if root {
            View {
                buffer: buffers.output,
                axes: leaves.open(shape),
            }
        } else {
            // Sweeps keep the published layout, which is the order of the modes. A planned order
            // keeps each operand's indices together, the shared operand's innermost, so that a
            // matrix product writes whole rows.
            let axes = match schedule {
                Schedule::Paper | Schedule::Chain => leaves.open(shape),
                Schedule::Planned => free_axes(&left.view, &right.view),
            };
            self.tensor(name.clone(), axes, Class::Activation, scope)
        };
        let kind = OpKind::Contract {
            a: left.view.clone(),
            b: right.view.clone(),
            out: view.clone(),
            accumulate: false,
            exponent: if root { exponent } else { 0 },
        };
        self.op(format!("{name}.forward"), kind, part, Pass::Forward, index);
        Node {
            leaves,
            view,
            children: Some(Box::new((left, right))),
        }
    }

    /// Emits a layer's gradients from that of its output; returns the gradient of its input (the
    /// given one, unused, for the first layer).
    fn backward(&mut self, layer: &Layer, schedule: Schedule, gradient: BufferId) -> BufferId {
        let prefix = format!("fc{}", layer.index + 1);
        let buffers = &layer.buffers;
        let root = View {
            buffer: gradient,
            axes: layer.root.view.axes.clone(),
        };
        let outputs = self.buffers[buffers.bias.0].len;
        let sum = self.buffer(
            format!("{prefix}.db.sum"),
            outputs,
            Class::Accumulator,
            Scope::Batch,
        );
        let kind = OpKind::Sum {
            from: gradient,
            out: sum,
        };
        self.op(
            format!("{prefix}.db.sum"),
            kind,
            Part::Sample,
            Pass::Backward,
            layer.index,
        );
        self.finish(
            format!("{prefix}.db"),
            sum,
            buffers.bias_gradient,
            layer.index,
        );
        let input_gradient = if layer.index > 0 || self.to_input {
            let len = self.buffers[buffers.input.0].len;
            Some(self.buffer(format!("{prefix}.dx"), len, Class::Gradient, Scope::Sample))
        } else {
            None
        };
        let sweep = schedule == Schedule::Paper;
        self.differentiate(
            layer,
            &layer.root,
            &root,
            layer.exponent,
            input_gradient,
            sweep,
        );
        if sweep {
            self.through_dense(layer, &root);
        }
        let Some(input_gradient) = input_gradient else {
            return gradient;
        };
        if layer.index == 0 {
            return input_gradient;
        }
        let kind = OpKind::ReluGradient {
            y: buffers.input,
            gradient: input_gradient,
        };
        self.op(
            format!("{prefix}.relu'"),
            kind,
            Part::Sample,
            Pass::Backward,
            layer.index,
        );
        input_gradient
    }

    /// Differentiates a node: each child's gradient is the node's contracted with the other child.
    /// With `inputs_only`, only the path to the layer's input is followed.
    fn differentiate(
        &mut self,
        layer: &Layer,
        node: &Node,
        gradient: &View,
        exponent: i32,
        input_gradient: Option<BufferId>,
        inputs_only: bool,
    ) {
        let Some(children) = &node.children else {
            return;
        };
        let (left, right) = children.as_ref();
        for (child, sibling) in [(left, right), (right, left)] {
            let wanted = match (child.leaves.has_input(), child.children.is_some()) {
                // The path to the input is followed as far as something on it needs a gradient.
                (true, true) => !inputs_only || input_gradient.is_some(),
                (true, false) => input_gradient.is_some(),
                (false, _) => !inputs_only,
            };
            if !wanted {
                continue;
            }
            let axes = child.view.axes.clone();
            let view = self.child_gradient(layer, child, axes, input_gradient);
            self.gradient_op(
                layer,
                child,
                (gradient, &sibling.view),
                &view,
                exponent,
                node.leaves.has_input(),
            );
            self.differentiate(layer, child, &view, 0, input_gradient, inputs_only);
        }
    }

    /// Where a child's gradient goes.
    fn child_gradient(
        &mut self,
        layer: &Layer,
        child: &Node,
        axes: Vec<Axis>,
        input: Option<BufferId>,
    ) -> View {
        if child.children.is_none() {
            let buffer = match (child.leaves.has_input(), input) {
                (true, Some(buffer)) => buffer,
                _ => layer.buffers.core_gradients[child.leaves.0.trailing_zeros() as usize - 1],
            };
            return View { buffer, axes };
        }
        let scope = if child.leaves.has_input() {
            Scope::Sample
        } else {
            Scope::Batch
        };
        self.tensor(
            format!("fc{}.d({})", layer.index + 1, child.leaves.name()),
            axes,
            Class::Gradient,
            scope,
        )
    }

    /// Emits one gradient contraction, summed over the batch where only one side is a sample's.
    fn gradient_op(
        &mut self,
        layer: &Layer,
        child: &Node,
        (gradient, sibling): (&View, &View),
        out: &View,
        exponent: i32,
        parent_per_sample: bool,
    ) {
        let name = format!("fc{}.d({})", layer.index + 1, child.leaves.name());
        let (a, b) = (gradient.clone(), sibling.clone());
        let contract = |out: View, accumulate: bool| OpKind::Contract {
            a,
            b,
            out,
            accumulate,
            exponent,
        };
        match (parent_per_sample, child.leaves.has_input()) {
            (true, false) => {
                let sum = self.tensor(
                    format!("{name}.sum"),
                    out.axes.clone(),
                    Class::Accumulator,
                    Scope::Batch,
                );
                let buffer = sum.buffer;
                self.op(
                    format!("{name}.sum"),
                    contract(sum, true),
                    Part::Sample,
                    Pass::Backward,
                    layer.index,
                );
                self.finish(name, buffer, out.buffer, layer.index);
            }
            (true, true) => self.op(
                name,
                contract(out.clone(), false),
                Part::Sample,
                Pass::Backward,
                layer.index,
            ),
            (false, _) => self.op(
                name,
                contract(out.clone(), false),
                Part::After,
                Pass::Backward,
                layer.index,
            ),
        }
    }

    /// The published way to core gradients: the dense `dW = dy x^T` over the batch, contracted with
    /// the other cores, from the right as far as core k, then from the left.
    fn through_dense(&mut self, layer: &Layer, dy: &View) {
        let (index, depth) = (layer.index, layer.buffers.cores.len());
        let x = leaf_view(&layer.root, 0);
        let axes: Vec<Axis> = dy.axes.iter().chain(&x.axes).copied().collect();
        let name = format!("fc{}.dW", index + 1);
        let sum = self.tensor(
            format!("{name}.sum"),
            axes.clone(),
            Class::Accumulator,
            Scope::Batch,
        );
        let dense = if depth == 1 {
            // One core: dW is its gradient.
            View {
                buffer: layer.buffers.core_gradients[0],
                axes,
            }
        } else {
            self.tensor(name.clone(), axes, Class::Gradient, Scope::Batch)
        };
        let from = sum.buffer;
        let exponent = layer.exponent;
        let kind = OpKind::Contract {
            a: dy.clone(),
            b: x,
            out: sum,
            accumulate: true,
            exponent,
        };
        self.op(
            format!("{name}.sum"),
            kind,
            Part::Sample,
            Pass::Backward,
            index,
        );
        self.finish(name, from, dense.buffer, index);
        // `right` is dW contracted with every core after k.
        let mut right = dense;
        for k in (1..depth).rev() {
            let mut partial = right.clone();
            for left in 0..k {
                partial = self.dense_step(layer, &partial, left, k, left + 1 == k);
            }
            right = self.dense_step(layer, &right, k, 0, k == 1);
        }
    }

    /// Contracts a part of `dW` with core `by` on the way to the gradient of core `toward`, which
    /// the last step yields.
    fn dense_step(
        &mut self,
        layer: &Layer,
        part: &View,
        by: usize,
        toward: usize,
        last: bool,
    ) -> View {
        let index = layer.index;
        let core = leaf_view(&layer.root, by + 1);
        let name = format!("fc{}.dW(G{}).G{}", index + 1, toward + 1, by + 1);
        let out = if last {
            let axes = leaf_view(&layer.root, toward + 1).axes;
            View {
                buffer: layer.buffers.core_gradients[toward],
                axes,
            }
        } else {
            self.tensor(
                name.clone(),
                free_axes(part, &core),
                Class::Gradient,
                Scope::Batch,
            )
        };
        let kind = OpKind::Contract {
            a: part.clone(),
            b: core,
            out: out.clone(),
            accumulate: false,
            exponent: 0,
        };
        self.op(name, kind, Part::After, Pass::Backward, index);
        out
    }

    fn finish(&mut self, name: String, from: BufferId, out: BufferId, layer: usize) {
        self.op(
            name,
            OpKind::Finish { from, out },
            Part::After,
            Pass::Backward,
            layer,
        );
    }

    fn updates(&mut self, layer: &Layer) {
        let buffers = &layer.buffers;
        let cores = buffers.cores.iter().zip(&buffers.core_gradients);
        let bias = std::iter::once((&buffers.bias, &buffers.bias_gradient));
        for (&parameter, &gradient) in cores.chain(bias) {
            let name = format!("{}.update", self.buffers[parameter.0].name);
            self.op(
                name,
                OpKind::Update {
                    parameter,
                    gradient,
                },
                Part::After,
                Pass::Update,
                layer.index,
            );
        }
    }
}

/// Axes of core k: `(r, m, n, r')` without the unit bonds at the ends.
fn core_axes(shape: &TtShape, k: usize) -> Vec<Axis> {
    let [left, out, input, right] = shape.core_shape(k);
    let mode = k as u8;
    let mut axes = Vec::new();
    if k > 0 {
        axes.push(Axis {
            label: Label::Bond(mode - 1),
            size: left,
        });
    }
    axes.push(Axis {
        label: Label::Out(mode),
        size: out,
    });
    axes.push(Axis {
        label: Label::In(mode),
        size: input,
    });
    if k + 1 < shape.depth() {
        axes.push(Axis {
            label: Label::Bond(mode),
            size: right,
        });
    }
    axes
}

/// The indices that only one of two tensors has: `a`'s first, then `b`'s.
fn free_axes(a: &View, b: &View) -> Vec<Axis> {
    let lacks = |view: &View, axis: &Axis| view.axes.iter().all(|other| other.label != axis.label);
    let from_a = a.axes.iter().filter(|axis| lacks(b, axis));
    let from_b = b.axes.iter().filter(|axis| lacks(a, axis));
    from_a.chain(from_b).copied().collect()
}

/// The view of a tree's leaf.
fn leaf_view(node: &Node, leaf: usize) -> View {
    match &node.children {
        None => node.view.clone(),
        Some(children) => {
            let (left, right) = children.as_ref();
            leaf_view(
                if left.leaves.0 >> leaf & 1 == 1 {
                    left
                } else {
                    right
                },
                leaf,
            )
        }
    }
}
