//! The options that describe a run, shared by `train`, `plan`, `simulate` and `explore`.

use clap::Args;

use crate::methods::Squash;
use crate::numeric::Rounding;
use crate::program::Schedule;
use crate::train::check_program;
use crate::train::config::{
    BitsConfig, MethodConfig, MomentStorage, NetworkConfig, OptimiserKind, Precision, Preset,
    PriorKind, RateSchedule, RunConfig,
};
use crate::train::presets::label_smoothing;

/// Options of a run. What is left out comes from the preset's recipe.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub struct RunOptions {
    /// Network: paper, tiny or dense; lstm or gru (of 128, reading images row by row) with a method
    #[arg(long, value_parser = parse::<Preset>)]
    pub preset: Option<Preset>,
    /// Layers of your own as JSON: `{"pad_columns": 2, "layers": [{"in_modes": [..], "out_modes": [..], "ranks": [..]}]}`;
    /// for training also `fit`: two layers that fit the data
    #[arg(long, value_name = "JSON", conflicts_with = "preset")]
    pub network: Option<String>,
    /// How the network's matrices are held instead of as tensor trains run as a Program, with its numbers:
    /// NAME or NAME:KNOB=VALUE,.. (`railyard compare --list` tells all)
    #[arg(long, value_name = "METHOD")]
    pub method: Option<String>,
    /// Train the method's matrices toward their form first, for this share of the run, by ADMM
    #[arg(long, value_name = "SHARE")]
    pub admm: Option<f32>,
    /// Weight of the ADMM penalty at the start [default: 0.001]
    #[arg(long, requires = "admm")]
    pub rho: Option<f32>,
    /// Share of the learning rate at which the dense matrices of ADMM learn [default: 0.4]
    #[arg(long, requires = "admm", value_name = "SHARE")]
    pub admm_rate: Option<f32>,
    /// Functions of a recurrent cell's gates: smooth or pieces (straight lines)
    #[arg(long, value_parser = parse::<Squash>)]
    pub gates: Option<Squash>,
    /// Ranks of all bonds, layer by layer: 16,16,16/16
    #[arg(long, value_name = "RANKS")]
    pub ranks: Option<String>,
    /// A whole configuration as JSON, as a checkpoint or the page holds it; other options change it
    #[arg(long, value_name = "FILE")]
    pub config: Option<std::path::PathBuf>,
    /// fashion-mnist, fashion-mnist-subset, mnist, mnist-subset, a folder with IDX files, or a table (.csv, .tsv, .txt)
    #[arg(long)]
    pub data: Option<String>,
    /// float, bf16, f16 or fixed
    #[arg(long, value_parser = parse::<Precision>)]
    pub precision: Option<Precision>,
    /// Widths in fixed point: core,activation,gradient,master
    #[arg(long, value_name = "BITS")]
    pub bits: Option<String>,
    /// Rounding of activations and gradients in fixed point: truncate, nearest or stochastic
    #[arg(long, value_parser = parse::<Rounding>)]
    pub rounding: Option<Rounding>,
    /// Rounding of the master copies in fixed point
    #[arg(long, value_parser = parse::<Rounding>)]
    pub master_rounding: Option<Rounding>,
    /// Rank prior: none, log-uniform, half-cauchy or inverse-gamma
    #[arg(long, value_parser = parse::<PriorKind>)]
    pub prior: Option<PriorKind>,
    /// Weight of the prior's penalty on the loss summed over the training set; not used with a target
    #[arg(long)]
    pub prior_strength: Option<f32>,
    /// Memory reduction to shrink to, such as 292; 0 for none. Relevance then decides instead of the
    /// prior's variances
    #[arg(long)]
    pub prior_target: Option<f32>,
    /// Whether a run with a target draws its parameters anew at the ranks it found: true or false
    #[arg(long)]
    pub prior_restart: Option<bool>,
    /// Epochs before the prior acts
    #[arg(long)]
    pub prior_warmup: Option<f32>,
    /// Epochs over which it rises to full strength
    #[arg(long)]
    pub prior_ramp: Option<f32>,
    /// Variance at or below which an index dies
    #[arg(long)]
    pub prior_threshold: Option<f32>,
    /// Share of each training target that is spread over all classes [default: 0.1 in fixed point, 0 in
    /// floating point and for targets of 600 and more]
    #[arg(long)]
    pub label_smoothing: Option<f32>,
    /// Order of the contractions: paper, chain or planned
    #[arg(long, value_parser = parse::<Schedule>)]
    pub schedule: Option<Schedule>,
    /// adam or sgd
    #[arg(long, value_parser = parse::<OptimiserKind>)]
    pub optimiser: Option<OptimiserKind>,
    /// Adam's beta1, or the momentum of sgd
    #[arg(long)]
    pub momentum: Option<f32>,
    /// Storage of the optimiser's moments: f32 or bf16
    #[arg(long, value_parser = parse::<MomentStorage>)]
    pub moments: Option<MomentStorage>,
    /// Passes over the training set
    #[arg(long)]
    pub epochs: Option<u32>,
    /// Samples per step
    #[arg(long)]
    pub batch: Option<usize>,
    /// Highest learning rate
    #[arg(long)]
    pub lr: Option<f32>,
    /// constant, linear or cosine
    #[arg(long, value_parser = parse::<RateSchedule>)]
    pub lr_schedule: Option<RateSchedule>,
    /// Steps over which the rate first rises
    #[arg(long)]
    pub lr_warmup: Option<u32>,
    /// Seed of every random choice
    #[arg(long)]
    pub seed: Option<u32>,
}

/// Parses a name as the configuration spells it, so that both have the same names.
pub fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|error| {
        // serde's own sentence: "unknown variant `x`, expected one of `a`, `b`".
        error.to_string()
    })
}

/// Parses a comma-separated list of numbers.
pub fn numbers<T: std::str::FromStr>(option: &str, text: &str) -> Result<Vec<T>, String> {
    let part = |part: &str| {
        part.trim()
            .parse()
            .map_err(|_| format!("{option}: `{part}` is not a whole number in range"))
    };
    text.split(',').map(part).collect()
}

impl RunOptions {
    /// The configuration these options describe, checked.
    pub fn config(&self) -> Result<RunConfig, String> {
        let precision = self.precision.unwrap_or(Precision::Fixed);
        let config = match &self.config {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                serde_json::from_str(&text).map_err(|error| {
                    format!("{} is not a configuration: {error}", path.display())
                })?
            }
            None => RunConfig::preset(self.preset.unwrap_or(Preset::Paper), precision),
        };
        self.change(config)
    }

    /// A configuration changed by the options that are given, checked.
    pub fn change(&self, mut config: RunConfig) -> Result<RunConfig, String> {
        if let Some(network) = &self.network {
            config.network = serde_json::from_str::<NetworkConfig>(network)
                .map_err(|error| format!("--network is not a network: {error}"))?;
        }
        if let Some(method) = &self.method {
            config.method = Some(parse_method(method)?);
        }
        if let Some(share) = self.admm {
            let Some(method) = &mut config.method else {
                return Err("--admm trains toward a method's form; choose a --method".into());
            };
            let admm = method.admm.get_or_insert_default();
            admm.share = share;
            set(&mut admm.rho, self.rho);
            set(&mut admm.rate, self.admm_rate);
        }
        if let Some(gates) = self.gates {
            let Some(cell) = &mut config.network.cell else {
                return Err("--gates is for recurrent cells, such as --preset lstm or gru".into());
            };
            cell.squash = gates;
        }
        if let Some(ranks) = &self.ranks {
            let layers: Vec<&str> = ranks.split('/').collect();
            if layers.len() != config.network.layers.len() {
                let (found, wanted) = (layers.len(), config.network.layers.len());
                return Err(format!(
                    "--ranks has {found} layers and the network {wanted}; separate layers by /"
                ));
            }
            for (layer, ranks) in config.network.layers.iter_mut().zip(layers) {
                layer.ranks = if ranks.is_empty() {
                    Vec::new()
                } else {
                    numbers("--ranks", ranks)?
                };
            }
        }
        if let Some(bits) = &self.bits {
            let [core, activation, gradient, master] = numbers::<u8>("--bits", bits)?[..] else {
                return Err(
                    "--bits takes four widths: core,activation,gradient,master, such as 4,8,16,8"
                        .into(),
                );
            };
            config.bits = BitsConfig {
                core,
                activation,
                gradient,
                master,
            };
        }
        if let Some(data) = &self.data {
            config.data.clone_from(data);
        }
        set(&mut config.precision, self.precision);
        set(&mut config.rounding, self.rounding);
        set(&mut config.master_rounding, self.master_rounding);
        if self.prior_target.is_some_and(|target| target > 0.0) {
            match self.prior {
                None if config.prior.kind == PriorKind::None => {
                    config.prior.kind = PriorKind::LogUniform;
                }
                Some(PriorKind::None) => {
                    return Err(
                        "--prior-target shrinks ranks and --prior none keeps them; leave out one"
                            .into(),
                    );
                }
                _ => {}
            }
        }
        set(&mut config.prior.kind, self.prior);
        set(&mut config.prior.strength, self.prior_strength);
        set(&mut config.prior.target, self.prior_target);
        set(&mut config.prior.restart, self.prior_restart);
        set(&mut config.prior.warmup_epochs, self.prior_warmup);
        set(&mut config.prior.ramp_epochs, self.prior_ramp);
        set(&mut config.prior.threshold, self.prior_threshold);
        if self.prior_target.is_some() {
            config.label_smoothing = label_smoothing(config.precision, config.prior.target);
        }
        set(&mut config.label_smoothing, self.label_smoothing);
        set(&mut config.schedule, self.schedule);
        set(&mut config.optimiser.kind, self.optimiser);
        set(&mut config.optimiser.momentum, self.momentum);
        set(&mut config.optimiser.moments, self.moments);
        set(&mut config.epochs, self.epochs);
        set(&mut config.batch, self.batch);
        set(&mut config.rate.peak, self.lr);
        set(&mut config.rate.schedule, self.lr_schedule);
        set(&mut config.rate.warmup_steps, self.lr_warmup);
        set(&mut config.seed, self.seed);
        config.validate().map_err(|error| error.to_string())?;
        Ok(config)
    }
}

/// Parses `NAME` or `NAME:KNOB=VALUE,..`.
pub fn parse_method(text: &str) -> Result<MethodConfig, String> {
    let (name, knobs) = text.split_once(':').unwrap_or((text, ""));
    let mut method = MethodConfig::plain(name);
    for part in knobs.split(',').filter(|part| !part.is_empty()) {
        let number = part
            .split_once('=')
            .and_then(|(knob, value)| Some((knob, value.trim().parse().ok()?)));
        let Some((knob, value)) = number else {
            return Err(format!(
                "--method {text}: `{part}` is not KNOB=NUMBER, such as block=8"
            ));
        };
        method.knobs.push((knob.trim().into(), value));
    }
    method.find().map_err(|error| error.to_string())?;
    Ok(method)
}

/// The configuration, if its network runs as a Program.
pub fn of_a_program(config: RunConfig) -> Result<RunConfig, String> {
    check_program(&config).map_err(|error| error.to_string())?;
    Ok(config)
}

fn set<T: Copy>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_alone_is_enough_to_shrink_and_contradicts_no_prior() {
        let options = RunOptions {
            prior_target: Some(292.0),
            ..RunOptions::default()
        };
        let prior = options.config().unwrap().prior;
        assert_ne!(prior.kind, PriorKind::None);
        let contradiction = RunOptions {
            prior: Some(PriorKind::None),
            ..options
        };
        assert!(
            contradiction
                .config()
                .unwrap_err()
                .contains("leave out one")
        );
    }
}
