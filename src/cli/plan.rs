//! `railyard plan`: the operations of a training step.

use clap::Args;

use super::options::RunOptions;
use crate::numeric::grouped;
use crate::report::plan::{self, Plan};

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
    let config = args.run.config()?;
    let model = plan::fresh(&config).map_err(|error| error.to_string())?;
    let plan = Plan::of(&config, &model);
    if args.json {
        for operation in &plan.operations {
            say!("{}", line(operation)?)?;
        }
        for layer in &plan.layers {
            say!("{}", line(layer)?)?;
        }
        return say!("{}", line(&plan.total)?);
    }
    say!(
        "{:<28} {:<8} {:<9} {:>12}  shape",
        "operation",
        "part",
        "pass",
        "MACs"
    )?;
    for op in &plan.operations {
        let (name, macs) = (&op.operation, grouped(op.macs));
        say!(
            "{name:<28} {:<8} {:<9} {macs:>12}  {}",
            op.part,
            op.pass,
            op.shape
        )?;
    }
    say!("")?;
    for layer in &plan.layers {
        say!(
            "fc{}: {}; multiply-accumulates per sample at batch {}: forward {}, backward {}",
            layer.layer,
            layer.tree,
            layer.batch,
            grouped(layer.forward_macs as u64),
            grouped(layer.backward_macs as u64),
        )?;
    }
    let total = &plan.total;
    say!(
        "parameters {} ({} in cores), dense {}; {} bits against {} dense: {:.2}x",
        grouped(total.parameters as u64),
        grouped(total.core_entries as u64),
        grouped(total.dense_parameters),
        grouped(total.parameter_bits),
        grouped(total.dense_bits),
        total.memory_reduction
    )?;
    let parts: Vec<String> = total
        .training
        .iter()
        .map(|category| format!("{} {}", category.name, grouped(category.bytes)))
        .collect();
    say!(
        "training state {} bytes: {}",
        grouped(total.training_bytes),
        parts.join(", ")
    )
}

fn line(of: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string(of).map_err(|error| error.to_string())
}
