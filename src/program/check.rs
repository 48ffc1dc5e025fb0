//! Whether a Program that came from elsewhere is one that can be run: everything that executors, engines
//! and fit take for granted of a compiled one.

use std::collections::BTreeMap;

use super::{BufferId, Class, Label, Op, OpKind, Part, Pass, Program, Scope, View};
use crate::numeric::sort_by_key;

/// Most numbers that the tensors of a step may hold together.
const MAX_ELEMENTS: u64 = 64 << 20;
/// Most multiply-accumulates of a step.
const MAX_MACS: u64 = 1 << 32;
/// Most offsets that the contractions of a step may take.
const MAX_OFFSETS: u64 = 64 << 20;
/// Most bits that a binary point may move.
const MAX_POINT: i64 = 1 << 20;
/// Most axes of a tensor.
const MAX_AXES: usize = 64;

type Checked<T = ()> = Result<T, String>;

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(message()) }
}

/// Checks a Program.
///
/// # Errors
/// What is wrong first.
pub(super) fn check(program: &Program) -> Checked {
    sizes(program)?;
    layers(program)?;
    let mut checker = Checker {
        program,
        written: vec![None; program.buffers.len()],
        point: vec![0; program.buffers.len()],
        labels: vec![BTreeMap::new(); program.layers.len()],
        names: std::collections::HashSet::new(),
        macs: 0,
        offsets: 0,
        losses: 0,
        updates: vec![],
    };
    for (at, op) in program.ops.iter().enumerate() {
        ensure(
            at == 0 || program.ops[at - 1].part as u8 <= op.part as u8,
            || {
                format!(
                    "operation {at} ({}) is of an earlier part than the one before",
                    op.name
                )
            },
        )?;
        checker
            .op(op)
            .map_err(|message| format!("operation {at} ({}): {message}", op.name))?;
    }
    checker.end()
}

fn sizes(program: &Program) -> Checked {
    ensure((1..=1024).contains(&program.batch), || {
        format!("{} samples a batch; 1 to 1,024 are accepted", program.batch)
    })?;
    ensure((1..=256).contains(&program.classes), || {
        format!("{} classes; 1 to 256 are accepted", program.classes)
    })?;
    ensure((1..=32).contains(&program.layers.len()), || {
        format!("{} layers; 1 to 32 are accepted", program.layers.len())
    })?;
    let mut elements = 0_u64;
    for (at, buffer) in program.buffers.iter().enumerate() {
        let wrong = |what: &str| Err(format!("tensor {at} ({}) {what}", buffer.name));
        if buffer.len == 0 {
            return wrong("is empty");
        }
        let copies = match (buffer.scope, buffer.class) {
            (Scope::Sample, Class::Activation | Class::Gradient) => program.batch as u64,
            (Scope::Sample, _) => return wrong("belongs to a sample, which its class cannot"),
            (Scope::Batch, _) => 1,
        };
        elements = elements.saturating_add((buffer.len as u64).saturating_mul(copies));
    }
    ensure(elements <= MAX_ELEMENTS, || {
        format!("a step holds {elements} numbers; at most {MAX_ELEMENTS} are accepted")
    })
}

fn layers(program: &Program) -> Checked {
    let len = |id: BufferId| program.buffers.get(id.0).map_or(0, |buffer| buffer.len);
    let is = |id: BufferId, class: Class, scope: Scope| {
        let buffer = program.buffers.get(id.0);
        buffer.is_some_and(|buffer| buffer.class == class && buffer.scope == scope)
    };
    let mut parameters = vec![];
    let mut before: Option<BufferId> = None;
    for (index, layer) in program.layers.iter().enumerate() {
        let wrong = |what: &str| Err(format!("layer {} {what}", index + 1));
        let cores = layer.cores.iter().zip(&layer.core_gradients);
        let all = cores.chain([(&layer.bias, &layer.bias_gradient)]);
        for (place, (&parameter, &gradient)) in all.enumerate() {
            let class = if place < layer.cores.len() {
                Class::Core
            } else {
                Class::Bias
            };
            if !is(parameter, class, Scope::Batch)
                || !is(gradient, Class::Gradient, Scope::Batch)
                || len(parameter) != len(gradient)
            {
                return wrong("has a parameter and a gradient that do not fit");
            }
            parameters.extend([parameter, gradient]);
        }
        let activation = |id| is(id, Class::Activation, Scope::Sample);
        if !activation(layer.input) || !activation(layer.output) || layer.input == layer.output {
            return wrong("has an input or output that is none of a sample's activations");
        }
        if len(layer.output) != len(layer.bias) {
            return wrong("has not as many biases as outputs");
        }
        if before.is_some_and(|before| before != layer.input) {
            return wrong("does not begin with the output of the one before");
        }
        before = Some(layer.output);
    }
    let count = parameters.len();
    sort_by_key(&mut parameters, |id| [id.0 as u64, 0]);
    parameters.dedup();
    let classed = |buffer: &&super::Buffer| matches!(buffer.class, Class::Core | Class::Bias);
    let held = program.buffers.iter().filter(classed).count();
    ensure(parameters.len() == count && 2 * held == count, || {
        "a parameter belongs to no layer, or to two".into()
    })?;
    ensure(program.classes <= len(program.logits()), || {
        "there are more classes than logits".into()
    })
}

struct Checker<'a> {
    program: &'a Program,
    /// By which pass each tensor was first written.
    written: Vec<Option<Pass>>,
    /// How far each tensor's binary point can be from 0.
    point: Vec<i64>,
    /// Sizes of each layer's indices, from its cores.
    labels: Vec<BTreeMap<Label, usize>>,
    names: std::collections::HashSet<&'a str>,
    macs: u64,
    offsets: u64,
    losses: usize,
    updates: Vec<(BufferId, BufferId)>,
}

impl<'a> Checker<'a> {
    /// Whether a tensor is of one of these classes, and of this scope.
    fn is(&self, id: BufferId, classes: &[Class], scope: Scope) -> Checked {
        let buffer = self.program.buffers.get(id.0);
        let fits =
            buffer.is_some_and(|buffer| classes.contains(&buffer.class) && buffer.scope == scope);
        ensure(fits, || {
            format!("tensor {} is not of the class or scope it needs", id.0)
        })
    }

    fn same_len(&self, a: BufferId, b: BufferId) -> Checked {
        let len = |id: BufferId| self.program.buffers[id.0].len;
        ensure(len(a) == len(b), || {
            format!("{} and {} values do not fit", len(a), len(b))
        })
    }

    /// A tensor that holds something when a pass reads it.
    fn readable(&self, id: BufferId, pass: Pass) -> Checked {
        let class = self.program.buffers[id.0].class;
        let given = matches!(class, Class::Core | Class::Bias) || id == self.program.input();
        let known = match self.written[id.0] {
            Some(by) => by == Pass::Forward || pass != Pass::Forward,
            None => given,
        };
        ensure(known, || {
            format!("tensor {} is read before it is written", id.0)
        })
    }

    /// The one operation that makes a tensor.
    fn made(&mut self, id: BufferId, pass: Pass) -> Checked {
        ensure(
            self.written[id.0].is_none() && id != self.program.input(),
            || format!("tensor {} is the input or written twice", id.0),
        )?;
        self.written[id.0] = Some(pass);
        Ok(())
    }

    fn in_part(op: &Op, part: Part, pass: &[Pass]) -> Checked {
        ensure(op.part == part && pass.contains(&op.pass), || {
            "it cannot run in this part or pass".into()
        })
    }

    fn op(&mut self, op: &'a Op) -> Checked {
        ensure(op.layer < self.program.layers.len(), || {
            "there is no such layer".into()
        })?;
        ensure(self.names.insert(&op.name), || {
            "its name is not unique".into()
        })?;
        let (own, all) = (Scope::Sample, Scope::Batch);
        match &op.kind {
            OpKind::Contract {
                a,
                b,
                out,
                accumulate,
                exponent,
            } => return self.contract(op, [a, b, out], *accumulate, *exponent),
            OpKind::Bias { y, bias } => {
                Self::in_part(op, Part::Sample, &[Pass::Forward])?;
                self.is(*y, &[Class::Activation], own)?;
                self.is(*bias, &[Class::Bias], all)?;
                self.same_len(*y, *bias)?;
                self.in_place(*y, op.pass)?;
            }
            OpKind::Relu { y } => {
                Self::in_part(op, Part::Sample, &[Pass::Forward])?;
                self.is(*y, &[Class::Activation], own)?;
                self.in_place(*y, op.pass)?;
            }
            OpKind::ReluGradient { y, gradient } => {
                Self::in_part(op, Part::Sample, &[Pass::Backward])?;
                self.is(*y, &[Class::Activation], own)?;
                self.is(*gradient, &[Class::Gradient], own)?;
                self.same_len(*y, *gradient)?;
                self.readable(*y, op.pass)?;
                self.in_place(*gradient, op.pass)?;
            }
            OpKind::SoftmaxCrossEntropy {
                logits,
                gradient,
                classes,
                ..
            } => {
                Self::in_part(op, Part::Sample, &[Pass::Forward])?;
                self.is(*gradient, &[Class::Gradient], own)?;
                ensure(
                    *logits == self.program.logits() && *classes == self.program.classes,
                    || "it is not of the Program's logits and classes".into(),
                )?;
                self.same_len(*logits, *gradient)?;
                self.readable(*logits, op.pass)?;
                self.made(*gradient, op.pass)?;
                self.losses += 1;
            }
            OpKind::Sum { from, out } => {
                Self::in_part(op, Part::Sample, &[Pass::Backward])?;
                self.is(*from, &[Class::Gradient], own)?;
                self.is(*out, &[Class::Accumulator], all)?;
                self.same_len(*from, *out)?;
                self.readable(*from, op.pass)?;
                self.made(*out, op.pass)?;
                self.point[out.0] = self.point[from.0];
            }
            OpKind::Finish { from, out } => {
                Self::in_part(op, Part::After, &[Pass::Backward])?;
                self.is(*from, &[Class::Accumulator], all)?;
                self.is(*out, &[Class::Gradient], all)?;
                self.same_len(*from, *out)?;
                self.readable(*from, op.pass)?;
                self.made(*out, op.pass)?;
                self.point[out.0] = self.point[from.0] + 128;
            }
            OpKind::Update {
                parameter,
                gradient,
            } => {
                Self::in_part(op, Part::After, &[Pass::Update])?;
                self.is(*parameter, &[Class::Core, Class::Bias], all)?;
                self.is(*gradient, &[Class::Gradient], all)?;
                self.readable(*gradient, op.pass)?;
                self.updates.push((*parameter, *gradient));
            }
        }
        Ok(())
    }

    fn in_place(&self, id: BufferId, pass: Pass) -> Checked {
        ensure(id != self.program.input(), || "it writes the input".into())?;
        self.readable(id, pass)
    }

    fn contract(&mut self, op: &Op, views: [&View; 3], accumulate: bool, exponent: i32) -> Checked {
        let [a, b, out] = views;
        ensure((-64..=64).contains(&exponent), || {
            format!(
                "its scale is 2^{}; exponents from -64 to 64 are accepted",
                -exponent
            )
        })?;
        for view in views {
            self.view(view, op.layer)?;
        }
        let (passes, count): (&[Pass], usize) = match (op.part, accumulate) {
            (Part::Before, false) => (&[Pass::Forward], 0),
            (Part::Sample, false) => (&[Pass::Forward, Pass::Backward], 1),
            (Part::Sample, true) => (&[Pass::Backward], 2),
            (Part::After, false) => (&[Pass::Backward], 0),
            _ => return Err("a sum over the batch gathers in the samples' part".into()),
        };
        Self::in_part(op, op.part, passes)?;
        let buffer = |view: &View| &self.program.buffers[view.buffer.0];
        let operand = |view: &View| {
            matches!(
                buffer(view).class,
                Class::Core | Class::Activation | Class::Gradient
            )
        };
        let gradient = |view: &View| buffer(view).class == Class::Gradient;
        ensure(
            operand(a) && operand(b) && !(gradient(a) && gradient(b)),
            || "its operands are none that are multiplied".into(),
        )?;
        let samples = [a, b].map(|view| usize::from(buffer(view).scope == Scope::Sample));
        ensure(samples[0] + samples[1] == count, || {
            "samples' tensors are not multiplied in this way".into()
        })?;
        let classes: &[Class] = if accumulate {
            &[Class::Accumulator]
        } else {
            &[Class::Activation, Class::Gradient]
        };
        let own = op.part == Part::Sample && !accumulate;
        self.is(
            out.buffer,
            classes,
            if own { Scope::Sample } else { Scope::Batch },
        )?;
        ensure(
            a.buffer != b.buffer && a.buffer != out.buffer && b.buffer != out.buffer,
            || "it uses a tensor twice".into(),
        )?;
        self.readable(a.buffer, op.pass)?;
        self.readable(b.buffer, op.pass)?;
        indices(views)?;
        self.made(out.buffer, op.pass)?;
        let point = self.point[a.buffer.0] + self.point[b.buffer.0] + 128 + 64;
        ensure(point <= MAX_POINT, || "too many products in a row".into())?;
        self.point[out.buffer.0] = point;
        self.weigh(op, views, samples);
        ensure(self.macs <= MAX_MACS && self.offsets <= MAX_OFFSETS, || {
            format!("a step takes more than {MAX_MACS} multiply-accumulates, or too long tables")
        })
    }

    /// Counts what a contraction takes.
    fn weigh(&mut self, op: &Op, [a, b, _]: [&View; 3], samples: [usize; 2]) {
        let batch = self.program.batch as u64;
        let times = if op.part == Part::Sample { batch } else { 1 };
        self.macs = self.macs.saturating_add(op.macs() * times);
        let lacks = |view: &View, label| view.axes.iter().all(|axis| axis.label != label);
        let product = |of: &View, other: &View, free: bool| -> u64 {
            let axes = of.axes.iter();
            axes.filter(|axis| lacks(other, axis.label) == free)
                .map(|axis| axis.size as u64)
                .product()
        };
        let copies = |own: bool| if own { batch } else { 1 };
        let terms = product(a, b, false) * copies(samples == [1, 1]);
        let free = product(a, b, true) * copies(samples == [1, 0])
            + product(b, a, true) * copies(samples == [0, 1]);
        self.offsets = self.offsets.saturating_add(2 * (terms + free));
    }

    fn view(&mut self, view: &View, layer: usize) -> Checked {
        let buffer = self.program.buffers.get(view.buffer.0);
        let buffer = buffer.ok_or_else(|| format!("there is no tensor {}", view.buffer.0))?;
        let sizes = view.axes.iter().map(|axis| axis.size as u64);
        let len = sizes.fold(1_u64, u64::saturating_mul);
        ensure(
            view.axes.len() <= MAX_AXES && len == buffer.len as u64,
            || format!("the axes of {} do not make its length", buffer.name),
        )?;
        for (at, axis) in view.axes.iter().enumerate() {
            ensure(
                view.axes[..at]
                    .iter()
                    .all(|other| other.label != axis.label),
                || format!("{} has an axis twice", buffer.name),
            )?;
        }
        if buffer.class == Class::Core {
            self.core(view, layer)?;
        }
        Ok(())
    }

    /// A core's axes are `(r, m, n, r')`, and as long as its neighbours'.
    fn core(&mut self, view: &View, layer: usize) -> Checked {
        let cores = &self.program.layers[layer].cores;
        let place = cores.iter().position(|&core| core == view.buffer);
        let place = place.ok_or("it reads a core of another layer")?;
        let number = place as u8;
        let mut wanted = vec![];
        if place > 0 {
            wanted.push(Label::Bond(number - 1));
        }
        wanted.extend([Label::Out(number), Label::In(number)]);
        if place + 1 < cores.len() {
            wanted.push(Label::Bond(number));
        }
        let same = view.axes.iter().map(|axis| axis.label).eq(wanted);
        let known = &mut self.labels[layer];
        let agree = view
            .axes
            .iter()
            .all(|axis| *known.entry(axis.label).or_insert(axis.size) == axis.size);
        ensure(same && agree, || {
            format!("the axes of core {} are not those of a train", place + 1)
        })
    }

    fn end(&self) -> Checked {
        ensure(self.losses == 1, || {
            format!("{} operations give a loss; there must be one", self.losses)
        })?;
        let layers = self.program.layers.iter();
        let parameters = layers.clone().flat_map(|layer| {
            let cores = layer.cores.iter().zip(&layer.core_gradients);
            cores.chain([(&layer.bias, &layer.bias_gradient)])
        });
        ensure(
            parameters
                .map(|(parameter, gradient)| (*parameter, *gradient))
                .eq(self.updates.iter().copied()),
            || "the parameters are not updated once each in order".into(),
        )?;
        for (layer, known) in layers.zip(&self.labels) {
            let bonds = 0..layer.cores.len().saturating_sub(1);
            for bond in bonds {
                ensure(known.contains_key(&Label::Bond(bond as u8)), || {
                    format!("bond {} belongs to no core that is read", bond + 1)
                })?;
            }
        }
        Ok(())
    }
}

/// Every index of a result is one operand's alone, and every other is shared; sizes agree.
fn indices([a, b, out]: [&View; 3]) -> Checked {
    let size = |view: &View, label: Label| {
        let mut axes = view.axes.iter();
        axes.find(|axis| axis.label == label).map(|axis| axis.size)
    };
    for axis in a.axes.iter().chain(&b.axes).chain(&out.axes) {
        let sizes = [a, b, out].map(|view| size(view, axis.label));
        let fits = sizes.iter().flatten().all(|&size| size == axis.size);
        ensure(fits && sizes.iter().flatten().count() == 2, || {
            "an index is not on two of its three tensors with one size".into()
        })?;
    }
    Ok(())
}
