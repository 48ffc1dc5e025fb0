//! `railyard plan`: the operations of a training step.

use clap::Args;
use serde_json::json;

use super::options::{RunOptions, of_a_program};
use super::tables::{part, pass};
use crate::numeric::grouped;
use crate::program::{OpKind, Program, View};
use crate::train::{Model, step_program};

/// Options of `railyard plan`.
#[derive(Args, Clone, Debug)]
pub struct PlanArgs {
    #[command(flatten)]
    run: RunOptions,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// Prints the plan.
pub fn run(args: &PlanArgs) -> Result<(), String> {
    let config = of_a_program(args.run.config()?)?;
    let shapes = config.shapes().map_err(|error| error.to_string())?;
    let outputs = shapes.last().map_or(1, crate::tt::TtShape::outputs);
    let model = Model::new(&config, shapes, outputs.min(10));
    let program = step_program(&config, &model);
    let report = crate::train::memory::report(&config, &model, &program);
    let parameters = model.core_entries() + model.biases();
    let dense = crate::train::memory::dense_bits(&model);
    let bits = crate::train::memory::parameter_bits(&config, model.core_entries(), model.biases());
    if args.json {
        for op in &program.ops {
            say!(
                "{}",
                json!({
                    "operation": op.name, "kind": kind(&op.kind), "part": part(op.part), "pass": pass(op.pass),
                    "layer": op.layer + 1, "shape": shape(&op.kind, &program), "macs": op.macs(),
                })
            )?;
        }
        for (index, counts) in program.counts().iter().enumerate() {
            say!(
                "{}",
                json!({
                    "layer": index + 1, "tree": program.trees[index].to_string(), "batch": program.batch,
                    "forward_macs": counts.forward.amortised(program.batch),
                    "backward_macs": counts.backward.amortised(program.batch),
                    "forward": counts.forward, "backward": counts.backward,
                })
            )?;
        }
        say!(
            "{}",
            json!({
                "total": true, "parameters": parameters, "core_entries": model.core_entries(), "biases": model.biases(),
                "dense_parameters": dense / 32, "parameter_bits": bits, "dense_bits": dense,
                "memory_reduction": dense as f64 / bits as f64,
                "forward_macs": program.forward_macs(), "training_macs": program.training_macs(),
                "training_bytes": report.training.iter().map(|c| c.bytes).sum::<u64>(), "training": report.training,
            })
        )?;
        return Ok(());
    }
    say!(
        "{:<28} {:<8} {:<9} {:>12}  shape",
        "operation",
        "part",
        "pass",
        "MACs"
    )?;
    for op in &program.ops {
        let (name, macs) = (&op.name, grouped(op.macs()));
        say!(
            "{name:<28} {:<8} {:<9} {macs:>12}  {}",
            part(op.part),
            pass(op.pass),
            shape(&op.kind, &program)
        )?;
    }
    say!("")?;
    for (index, counts) in program.counts().iter().enumerate() {
        say!(
            "fc{}: {}; multiply-accumulates per sample at batch {}: forward {}, backward {}",
            index + 1,
            program.trees[index],
            program.batch,
            grouped(counts.forward.amortised(program.batch) as u64),
            grouped(counts.backward.amortised(program.batch) as u64),
        )?;
    }
    say!(
        "parameters {} ({} in cores), dense {}; {} bits against {} dense: {:.2}x",
        grouped(parameters as u64),
        grouped(model.core_entries() as u64),
        grouped(dense / 32),
        grouped(bits),
        grouped(dense),
        dense as f64 / bits as f64
    )?;
    let whole: u64 = report.training.iter().map(|category| category.bytes).sum();
    let parts: Vec<String> = report
        .training
        .iter()
        .map(|category| format!("{} {}", category.name, grouped(category.bytes)))
        .collect();
    say!(
        "training state {} bytes: {}",
        grouped(whole),
        parts.join(", ")
    )?;
    Ok(())
}

fn kind(kind: &OpKind) -> &'static str {
    match kind {
        OpKind::Contract {
            accumulate: true, ..
        } => "contract and sum over the batch",
        OpKind::Contract { .. } => "contract",
        OpKind::Bias { .. } => "bias",
        OpKind::Relu { .. } => "relu",
        OpKind::ReluGradient { .. } => "relu gradient",
        OpKind::SoftmaxCrossEntropy { .. } => "softmax cross-entropy",
        OpKind::Sum { .. } => "sum over the batch",
        OpKind::Finish { .. } => "round",
        OpKind::Update { .. } => "update",
    }
}

/// `a[..] * b[..] -> out[..]` with the sizes of the axes.
fn shape(kind: &OpKind, program: &Program) -> String {
    let sizes = |view: &View| {
        let sizes: Vec<String> = view.axes.iter().map(|axis| axis.size.to_string()).collect();
        format!("{}[{}]", program.buffer(view.buffer).name, sizes.join(","))
    };
    let name = |id: &crate::program::BufferId| {
        let buffer = program.buffer(*id);
        format!("{}[{}]", buffer.name, buffer.len)
    };
    match kind {
        OpKind::Contract { a, b, out, .. } => {
            format!("{} * {} -> {}", sizes(a), sizes(b), sizes(out))
        }
        OpKind::Bias { y, bias } => format!("{} + {}", name(y), name(bias)),
        OpKind::Relu { y } => name(y),
        OpKind::ReluGradient { y, gradient } => format!("{} where {} > 0", name(gradient), name(y)),
        OpKind::SoftmaxCrossEntropy {
            logits,
            gradient,
            classes,
            ..
        } => {
            format!("{} -> {}, {classes} classes", name(logits), name(gradient))
        }
        OpKind::Sum { from, out } | OpKind::Finish { from, out } => {
            format!("{} -> {}", name(from), name(out))
        }
        OpKind::Update {
            parameter,
            gradient,
        } => format!("{} by {}", name(parameter), name(gradient)),
    }
}
