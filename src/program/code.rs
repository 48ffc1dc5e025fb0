//! A Program as bytes, for a board that runs it. docs/BOARD.md has the layout.
//!
//! Everything that an executor needs comes first, in records of fixed width; names and trees, which only
//! people and planners read, come last. [`decode`] gives nothing but Programs that every executor, both
//! engines of the machine and its fit can run.

use std::fmt;

use super::check::check;
use super::{
    Axis, Buffer, BufferId, Class, Label, LayerBuffers, Op, OpKind, Part, Pass, Program, Scope,
    Tree, View,
};

/// The first four bytes: `RYP1`.
pub const MAGIC: [u8; 4] = *b"RYP1";
/// Longest code of a Program in bytes.
pub const MAX_CODE: usize = 1 << 20;
/// Most buffers, and most operations, of a Program that is decoded.
pub const MAX_RECORDS: usize = 4096;

const CLASSES: [Class; 5] = [
    Class::Core,
    Class::Bias,
    Class::Activation,
    Class::Gradient,
    Class::Accumulator,
];
const SCOPES: [Scope; 2] = [Scope::Batch, Scope::Sample];
const PARTS: [Part; 3] = [Part::Before, Part::Sample, Part::After];
const PASSES: [Pass; 3] = [Pass::Forward, Pass::Backward, Pass::Update];

/// Why bytes are no Program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeError(pub String);

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "these bytes are no Program: {}", self.0)
    }
}

impl std::error::Error for CodeError {}

/// A value's place in its table.
fn place<T: PartialEq>(table: &[T], value: &T) -> u8 {
    table.iter().position(|other| other == value).unwrap_or(0) as u8
}

/// What does not fit its field is written as a number that is refused.
fn short(value: usize) -> [u8; 2] {
    u16::try_from(value).unwrap_or(0).to_le_bytes()
}

fn id(id: BufferId) -> [u8; 2] {
    u16::try_from(id.0).unwrap_or(u16::MAX).to_le_bytes()
}

/// The bytes of a Program. One beyond the limits of [`decode`] gives bytes that it refuses.
#[must_use]
pub fn encode(program: &Program) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    for count in [
        program.buffers.len(),
        program.ops.len(),
        program.layers.len(),
        program.batch,
        program.classes,
        0,
    ] {
        out.extend(short(count));
    }
    for buffer in &program.buffers {
        out.extend(u32::try_from(buffer.len).unwrap_or(0).to_le_bytes());
        out.extend([
            place(&CLASSES, &buffer.class),
            place(&SCOPES, &buffer.scope),
            0,
            0,
        ]);
    }
    for layer in &program.layers {
        for buffer in [layer.input, layer.output, layer.bias, layer.bias_gradient] {
            out.extend(id(buffer));
        }
        out.extend(short(layer.cores.len()));
        out.extend([0; 2]);
        for (core, gradient) in layer.cores.iter().zip(&layer.core_gradients) {
            out.extend(id(*core));
            out.extend(id(*gradient));
        }
    }
    for op in &program.ops {
        encode_op(op, &mut out);
    }
    let buffers = program.buffers.iter().map(|buffer| &buffer.name);
    for name in buffers.chain(program.ops.iter().map(|op| &op.name)) {
        out.push(u8::try_from(name.len()).unwrap_or(0));
        out.extend(name.as_bytes());
    }
    for tree in &program.trees {
        encode_tree(tree, &mut out);
    }
    out
}

fn encode_op(op: &Op, out: &mut Vec<u8>) {
    let none = BufferId(0);
    let (kind, ids, extra, exponent) = match &op.kind {
        OpKind::Contract {
            a,
            b,
            out,
            accumulate,
            exponent,
        } => {
            let exponent = i8::try_from(*exponent).unwrap_or(i8::MAX);
            let ids = [a.buffer, b.buffer, out.buffer];
            (0, ids, u8::from(*accumulate), exponent)
        }
        OpKind::Bias { y, bias } => (1, [*y, *bias, none], 0, 0),
        OpKind::Relu { y } => (2, [*y, none, none], 0, 0),
        OpKind::ReluGradient { y, gradient } => (3, [*y, *gradient, none], 0, 0),
        OpKind::SoftmaxCrossEntropy {
            logits,
            gradient,
            smoothing,
            ..
        } => (4, [*logits, *gradient, none], *smoothing, 0),
        OpKind::Sum { from, out } => (5, [*from, *out, none], 0, 0),
        OpKind::Finish { from, out } => (6, [*from, *out, none], 0, 0),
        OpKind::Update {
            parameter,
            gradient,
        } => (7, [*parameter, *gradient, none], 0, 0),
    };
    out.extend([
        kind,
        place(&PARTS, &op.part),
        place(&PASSES, &op.pass),
        u8::try_from(op.layer).unwrap_or(u8::MAX),
    ]);
    for buffer in ids {
        out.extend(id(buffer));
    }
    out.extend([extra, exponent as u8]);
    if let OpKind::Contract {
        a, b, out: result, ..
    } = &op.kind
    {
        let views = [a, b, result];
        out.extend(views.map(|view| u8::try_from(view.axes.len()).unwrap_or(u8::MAX)));
        out.push(0);
        for axis in views.iter().flat_map(|view| &view.axes) {
            let (kind, number) = match axis.label {
                Label::In(number) => (0, number),
                Label::Out(number) => (1, number),
                Label::Bond(number) => (2, number),
            };
            let label = if number < 64 {
                kind << 6 | u32::from(number)
            } else {
                u32::from(u8::MAX)
            };
            let size = if axis.size < 1 << 24 {
                axis.size as u32
            } else {
                0
            };
            out.extend((label << 24 | size).to_le_bytes());
        }
    }
}

/// Preorder: a leaf's number, or 255 before both branches of a node.
fn encode_tree(tree: &Tree, out: &mut Vec<u8>) {
    match tree {
        Tree::Leaf(leaf) => out.push(u8::try_from(*leaf).unwrap_or(u8::MAX - 1)),
        Tree::Node(left, right) => {
            out.push(u8::MAX);
            encode_tree(left, out);
            encode_tree(right, out);
        }
    }
}

fn bad(message: impl Into<String>) -> CodeError {
    CodeError(message.into())
}

/// Little-endian fields off the front.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], CodeError> {
        let (taken, rest) = self
            .0
            .split_at_checked(len)
            .ok_or_else(|| bad("they end too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, CodeError> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<usize, CodeError> {
        let bytes = self.take(2)?;
        Ok(usize::from(u16::from_le_bytes([bytes[0], bytes[1]])))
    }

    fn u32(&mut self) -> Result<u32, CodeError> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn id(&mut self) -> Result<BufferId, CodeError> {
        self.u16().map(BufferId)
    }

    fn pick<T: Copy>(&mut self, table: &[T], what: &str) -> Result<T, CodeError> {
        let code = self.u8()?;
        let found = table.get(usize::from(code)).copied();
        found.ok_or_else(|| bad(format!("{code} is no {what}")))
    }

    /// A zero, so that a later version may use the place.
    fn zeros(&mut self, len: usize) -> Result<(), CodeError> {
        if self.take(len)?.iter().all(|&byte| byte == 0) {
            return Ok(());
        }
        Err(bad("a byte that must be 0 is not"))
    }

    fn name(&mut self) -> Result<String, CodeError> {
        let len = usize::from(self.u8()?);
        let text = std::str::from_utf8(self.take(len)?).map_err(|_| bad("a name is no UTF-8"))?;
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(bad("a name is empty or holds a control character"));
        }
        Ok(text.to_owned())
    }
}

/// The Program of these bytes, checked: whatever runs Programs can run it, and a step of it takes at most
/// 2^32 multiply-accumulates.
///
/// # Errors
/// What is wrong first.
pub fn decode(bytes: &[u8]) -> Result<Program, CodeError> {
    if bytes.len() > MAX_CODE {
        return Err(bad(format!("more than {MAX_CODE} bytes")));
    }
    let mut fields = Fields(bytes);
    if fields.take(4)? != MAGIC {
        return Err(bad("they do not begin with RYP1"));
    }
    let [buffers, ops, layers, batch, classes] = [
        fields.u16()?,
        fields.u16()?,
        fields.u16()?,
        fields.u16()?,
        fields.u16()?,
    ];
    fields.zeros(2)?;
    if buffers > MAX_RECORDS || ops > MAX_RECORDS {
        return Err(bad(format!(
            "{buffers} buffers and {ops} operations; at most {MAX_RECORDS} of each are accepted"
        )));
    }
    let mut program = Program {
        buffers: Vec::new(),
        ops: Vec::new(),
        batch,
        classes,
        layers: Vec::new(),
        trees: Vec::new(),
    };
    for _ in 0..buffers {
        let len = fields.u32()? as usize;
        let (class, scope) = (
            fields.pick(&CLASSES, "class of tensors")?,
            fields.pick(&SCOPES, "scope of tensors")?,
        );
        fields.zeros(2)?;
        program.buffers.push(Buffer {
            name: String::new(),
            len,
            class,
            scope,
        });
    }
    for _ in 0..layers {
        program.layers.push(decode_layer(&mut fields)?);
    }
    for _ in 0..ops {
        program.ops.push(decode_op(&mut fields, classes)?);
    }
    for buffer in &mut program.buffers {
        buffer.name = fields.name()?;
    }
    for op in &mut program.ops {
        op.name = fields.name()?;
    }
    for layer in 0..layers {
        let mut leaves = 0;
        let tree = decode_tree(&mut fields, &mut leaves, 0)?;
        let all = (2_u64 << program.layers[layer].cores.len()) - 1;
        if u64::from(leaves) != all {
            return Err(bad(format!(
                "the tree of layer {} has other tensors than the layer",
                layer + 1
            )));
        }
        program.trees.push(tree);
    }
    if !fields.0.is_empty() {
        return Err(bad(format!("{} bytes follow it", fields.0.len())));
    }
    check(&program).map_err(CodeError)?;
    Ok(program)
}

fn decode_layer(fields: &mut Fields) -> Result<LayerBuffers, CodeError> {
    let [input, output, bias, bias_gradient] =
        [fields.id()?, fields.id()?, fields.id()?, fields.id()?];
    let depth = fields.u16()?;
    fields.zeros(2)?;
    if !(1..=31).contains(&depth) {
        return Err(bad(format!(
            "a layer has {depth} cores; 1 to 31 are accepted"
        )));
    }
    let (mut cores, mut core_gradients) = (Vec::new(), Vec::new());
    for _ in 0..depth {
        cores.push(fields.id()?);
        core_gradients.push(fields.id()?);
    }
    Ok(LayerBuffers {
        cores,
        core_gradients,
        bias,
        bias_gradient,
        input,
        output,
    })
}

fn decode_op(fields: &mut Fields, classes: usize) -> Result<Op, CodeError> {
    let code = fields.u8()?;
    let (part, pass) = (
        fields.pick(&PARTS, "part of a step")?,
        fields.pick(&PASSES, "pass")?,
    );
    let layer = usize::from(fields.u8()?);
    let [first, second, third] = [fields.id()?, fields.id()?, fields.id()?];
    let (extra, exponent) = (fields.u8()?, fields.u8()? as i8);
    let plain = third.0 == 0 && exponent == 0 && (extra == 0 || code == 4);
    if code != 0 && !plain || code == 2 && second.0 != 0 {
        return Err(bad("a byte that must be 0 is not"));
    }
    let kind = match code {
        0 if extra > 1 => return Err(bad("a flag is neither 0 nor 1")),
        0 => {
            let counts = [fields.u8()?, fields.u8()?, fields.u8()?];
            fields.zeros(1)?;
            let view = |fields: &mut Fields, buffer, count: u8| {
                let axes = (0..count).map(|_| decode_axis(fields));
                let axes = axes.collect::<Result<Vec<_>, _>>()?;
                Ok::<_, CodeError>(View { buffer, axes })
            };
            OpKind::Contract {
                a: view(fields, first, counts[0])?,
                b: view(fields, second, counts[1])?,
                out: view(fields, third, counts[2])?,
                accumulate: extra == 1,
                exponent: i32::from(exponent),
            }
        }
        1 => OpKind::Bias {
            y: first,
            bias: second,
        },
        2 => OpKind::Relu { y: first },
        3 => OpKind::ReluGradient {
            y: first,
            gradient: second,
        },
        4 => OpKind::SoftmaxCrossEntropy {
            logits: first,
            gradient: second,
            classes,
            smoothing: extra,
        },
        5 => OpKind::Sum {
            from: first,
            out: second,
        },
        6 => OpKind::Finish {
            from: first,
            out: second,
        },
        7 => OpKind::Update {
            parameter: first,
            gradient: second,
        },
        _ => return Err(bad(format!("{code} is no operation"))),
    };
    Ok(Op {
        name: String::new(),
        kind,
        part,
        pass,
        layer,
    })
}

fn decode_axis(fields: &mut Fields) -> Result<Axis, CodeError> {
    let word = fields.u32()?;
    let (label, size) = (word >> 24, (word & 0x00ff_ffff) as usize);
    let number = (label & 63) as u8;
    let label = match label >> 6 {
        0 => Label::In(number),
        1 => Label::Out(number),
        2 => Label::Bond(number),
        _ => return Err(bad("an axis has no label")),
    };
    Ok(Axis { label, size })
}

/// A tree whose leaves are not among those seen already.
fn decode_tree(fields: &mut Fields, seen: &mut u32, depth: usize) -> Result<Tree, CodeError> {
    match fields.u8()? {
        u8::MAX if depth < 32 => {
            let left = decode_tree(fields, seen, depth + 1)?;
            let right = decode_tree(fields, seen, depth + 1)?;
            Ok(Tree::node(left, right))
        }
        leaf if leaf < 32 && *seen >> leaf & 1 == 0 => {
            *seen |= 1 << leaf;
            Ok(Tree::Leaf(usize::from(leaf)))
        }
        _ => Err(bad("a tree names a tensor twice or none that there is")),
    }
}
