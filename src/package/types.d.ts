/** A network by name: the paper's, a small one that trains in seconds, or the dense baseline. */
export type PresetName = "paper" | "tiny" | "dense";
/** How numbers are held while training. */
export type Precision = "float" | "bf16" | "f16" | "fixed";
/** How the bits below the stored unit are removed. */
export type Rounding = "truncate" | "nearest" | "stochastic";
/** The order of a step's contractions: the published one, without the dense dW, or with the fewest multiplies. */
export type Schedule = "paper" | "chain" | "planned";

/** One layer `y = W x + b`; `W` is a tensor-train matrix, one mode on each side makes it dense. */
export interface LayerConfig {
  /** Input modes, slowest first; their product is the layer's input width. */
  in_modes: number[];
  /** Output modes, slowest first; their product is the layer's output width. */
  out_modes: number[];
  /** Ranks of the bonds between neighbouring cores at the start. */
  ranks: number[];
}

/** The layers with ReLU between them; the last one's outputs are the logits. */
export interface NetworkConfig {
  /** Zero columns added on the left and on the right of every image row. */
  pad_columns: number;
  layers: LayerConfig[];
}

/** A whole run. */
export interface RunConfig {
  /** What the data are called, 1 to 200 characters. */
  data: string;
  network: NetworkConfig;
  precision: Precision;
  /** Widths in bits, used in fixed point. */
  bits: {
    /** Cores as the contractions see them, 2 to 8. */
    core: number;
    /** Activations and biases, 4 to 8. */
    activation: number;
    /** Gradients, 4 to 16. */
    gradient: number;
    /** Master copy of the cores, `core` to 16. */
    master: number;
  };
  /** Rounding of activations and gradients in fixed point. */
  rounding: Rounding;
  /** Rounding of the master copy in fixed point. */
  master_rounding: Rounding;
  /** The prior by which ranks shrink. */
  prior: {
    kind: "none" | "log-uniform" | "half-cauchy" | "inverse-gamma";
    /** Weight of the penalty; not used with a target. */
    strength: number;
    /** Epochs before the prior acts. */
    warmup_epochs: number;
    /** Epochs over which it rises to its full strength. */
    ramp_epochs: number;
    /** Memory reduction at which pruning stops (292 means 292x); 0 for none. */
    target: number;
    /** Whether a run with a target draws its parameters anew at the ranks it found. */
    restart: boolean;
    /** An index is alive while its variance is above this. */
    threshold: number;
    /** Step of the variances toward their update's target. */
    smoothing: number;
    /** Scale of the half-Cauchy prior. */
    eta: number;
    /** Shape of the inverse-gamma prior. */
    shape: number;
    /** Scale of the inverse-gamma prior. */
    scale: number;
  };
  /** Share of each target that is spread over all classes. */
  label_smoothing: number;
  schedule: Schedule;
  optimiser: {
    kind: "adam" | "sgd";
    /** Adam's beta1, or the momentum of gradient descent. */
    momentum: number;
    /** Adam's beta2. */
    beta2: number;
    epsilon: number;
    /** How the moments are held. */
    moments: "f32" | "bf16";
  };
  rate: {
    /** The highest learning rate of the run. */
    peak: number;
    schedule: "constant" | "linear" | "cosine";
    /** Steps over which it first rises. */
    warmup_steps: number;
  };
  /** Passes over the training set, 1 to 1,000. */
  epochs: number;
  /** Samples per step, 1 to 1,024. */
  batch: number;
  /** Seed of every random choice, a whole number below 2^32. */
  seed: number;
}

/** Indices removed from one bond. */
export interface Pruned {
  /** Layer, from 0. */
  layer: number;
  /** Bond within the layer, from 0. */
  bond: number;
  /** Positions removed, numbered as the bond was at the start. */
  indices: number[];
}

/** One training step. */
export interface StepMetrics {
  /** Epoch, from 1. */
  epoch: number;
  /** Steps taken, this one included. */
  step: number;
  /** Mean cross-entropy of the batch, in nats; null once it is no finite number. */
  loss: number | null;
  /** Share of the batch classified correctly, 0 to 1. */
  accuracy: number;
  /** Learning rate used. */
  rate: number;
  pruned: Pruned[];
}

/** One epoch, with the evaluation on the test set after it. */
export interface EpochMetrics {
  /** Epoch, from 1. */
  epoch: number;
  /** Steps taken. */
  step: number;
  /** Mean cross-entropy over the epoch's batches, in nats. */
  train_loss: number | null;
  /** Accuracy over the epoch's batches, 0 to 1. */
  train_accuracy: number;
  /** Mean cross-entropy on the test set, in nats. */
  test_loss: number | null;
  /** Accuracy on the test set, 0 to 1. */
  test_accuracy: number;
  /** Ranks of each layer's bonds. */
  ranks: number[][];
  core_entries: number;
  /** Bits of cores and biases at their widths. */
  parameter_bits: number;
  /** Bits of the same network with dense matrices in 32-bit float. */
  dense_bits: number;
  /** The one over the other. */
  memory_reduction: number;
  /** Bytes of the whole training state. */
  training_bytes: number;
  /** Training samples per second, measured. */
  samples_per_second: number;
  /** Checksum of all parameters. */
  checksum: string;
  /** Test confusion matrix, row by row: row = label, column = answer. */
  confusion: number[];
}

/** What one call of `advance` did. */
export type Progress =
  | ({ kind: "step" } & StepMetrics)
  | { kind: "evaluating"; done: number; total: number }
  | ({ kind: "epoch" } & EpochMetrics)
  | { kind: "finished" };

/** Bytes of the training state of one kind. */
export interface MemoryCategory {
  /** `parameters`, `master copy`, `gradients`, `moments`, `prior`, `partials`, `batch input` or `scratch`. */
  name: string;
  bytes: number;
}

/** The state of a run. */
export interface Snapshot {
  layers: {
    name: string;
    in_modes: number[];
    out_modes: number[];
    cores: {
      /** Left rank, output mode, input mode, right rank. */
      shape: [number, number, number, number];
      /** Values in that order, row by row, as the contractions see them. */
      values: number[];
    }[];
    bonds: {
      /** Rank at the start of the run. */
      initial_rank: number;
      /** Position at the start of each index still alive. */
      alive: number[];
      /** What `variances` holds. */
      measure: "none" | "variance" | "relevance";
      variances: number[];
      /** An index dies when its value falls to this. */
      threshold: number;
    }[];
  }[];
  memory: {
    /** Parameter memory from dense float to what is deployed. */
    stages: { name: string; bits: number }[];
    training: MemoryCategory[];
  };
  operations: {
    name: string;
    macs_per_sample: number;
    /** Power-of-two shift before storing, in fixed point. */
    shift: number;
    /** Stored values that saturated in the last batch. */
    saturated: number;
    /** Largest magnitude of the last batch as a share of full scale. */
    peak: number | null;
  }[];
}

/** A tensor of a checkpoint. */
export interface TensorInfo {
  /** Its name, such as `fc1.G1`. */
  name: string;
  dtype: "F32" | "U16";
  shape: number[];
}

/** An operation of a training step. */
export interface PlannedOperation {
  /** Its name, such as `fc1.forward x*G12`. */
  operation: string;
  /** What it does. */
  kind: string;
  /** When it runs: before the samples, for each, or after them. */
  part: "before" | "sample" | "after";
  pass: "forward" | "backward" | "update";
  /** Its layer, from 1. */
  layer: number;
  /** Its tensors with the sizes of their axes. */
  shape: string;
  /** Multiply-accumulates of one run. */
  macs: number;
}

/** Multiply-accumulates by how often they are done. */
export interface Counts {
  per_batch: number;
  per_sample: number;
}

/** A layer of a plan. */
export interface PlannedLayer {
  /** The layer, from 1. */
  layer: number;
  /** The order of its contractions. */
  tree: string;
  /** Samples per step. */
  batch: number;
  /** Multiply-accumulates per sample, with its share of what is done once per batch. */
  forward_macs: number;
  /** The same of gradients. */
  backward_macs: number;
  forward: Counts;
  backward: Counts;
}

/** A whole plan. */
export interface PlanTotal {
  total: true;
  /** Core entries and biases. */
  parameters: number;
  core_entries: number;
  biases: number;
  dense_parameters: number;
  parameter_bits: number;
  dense_bits: number;
  memory_reduction: number;
  /** Multiply-accumulates of a forward pass per sample. */
  forward_macs: number;
  /** Multiply-accumulates of a training step per sample. */
  training_macs: number;
  /** Bytes of the whole training state. */
  training_bytes: number;
  training: MemoryCategory[];
}

/** A machine by name. */
export type MachineName = "published" | "overlapped" | "streamlined";
/** A device by name. */
export type DeviceName = "zu3eg" | "zynq7020" | "ecp5-25f" | "ecp5-45f" | "ecp5-85f";
/** A format that other programs open. */
export type TraceFormat = "chrome" | "perfetto" | "vcd" | "kanata" | "csv";

/** How a contraction element's load, compute and store are coupled. */
export interface Coupling {
  /** What overlaps: nothing, tiles of one group of lanes, or all tiles. */
  overlap: "none" | "groups" | "full";
  /** Tiles that the buffer before the products holds: 2 for ping-pong. */
  input_buffers: number;
  /** Tiles that the buffer behind the products holds. */
  output_buffers: number;
  transposer: "single" | "double";
}

/** An accelerator. */
export interface Machine {
  name: string;
  /** Values that a beat takes along the innermost index. */
  lanes: number;
  /** Rows of the array. */
  rows: number;
  clock_mhz: number;
  /** The element whose lanes run along the contracted index (PE1). */
  last: Coupling;
  /** Whether its lanes run across all trailing contracted indices. */
  flatten_terms: boolean;
  /** The element whose lanes run along a free index (PE2). */
  middle: Coupling;
  /** What computes outer products (PE3). */
  outer: "line" | "array";
  elementwise: { lanes: number; softmax_passes: number; update_passes: number };
  /** Ports of the memory of activations and gradients. */
  ports: { width: number; banks: number; shared: boolean };
  /** Cycles between a stage's last beat and its end. */
  pipeline: { load: number; compute: number; store: number; elementwise: number };
  /** Where activations and gradients live. */
  memory: { kind: "on-chip" } | { kind: "external"; bytes_per_cycle: number; latency: number };
  device: DeviceName;
}

/** What a simulator is told beside the plan; everything may be left out. */
export interface SimulatorOptions {
  /** By name, or as a whole. Without it `published`. */
  machine?: MachineName | Machine;
  /** Another array: lanes and rows. */
  array?: [number, number];
  /** Another device. */
  device?: DeviceName;
  /** `event` computes every phase; `tick` advances cycle by cycle, moves real values and is compared with it. */
  engine?: "event" | "tick";
  /** Share of the embedded processor's peak that training is assumed to reach there. */
  cpu_efficiency?: number;
  /** Power of the accelerator's board in watts. */
  board_watts?: number;
  energy_table?: "horowitz-45nm" | "accelergy-40nm";
  /** Multiplies the energy of what happens on chip by 14, FPGA over standard cells. */
  fpga_factor?: boolean;
  /** A measured speed in samples per second to compare with. */
  measured?: number;
}

/** What cycles are spent on. */
export type Cause = "busy" | "load-bound" | "compute-bound" | "store-bound" | "fill-drain" | "port-conflict" | "idle";

/** Counted accesses and products. */
export interface Counters {
  macs: number;
  /** Reads of operands, each value once. */
  reads: number;
  /** Further reads of values already read. */
  rereads: number;
  writes: number;
  /** Reads and writes of the optimiser's state. */
  state: number;
}

/** Bytes moved, by memory. */
export interface Bytes {
  weights: number;
  activations: number;
  accumulators: number;
  biases: number;
  state: number;
  outside: number;
}

/** Which fields are counted, modelled, measured, published or assumed. */
export type Basis = Partial<Record<"counted" | "modelled" | "measured" | "published" | "assumed", string[]>>;

/** An operation in time. */
export interface SimulatedOperation {
  kind: "operation";
  name: string;
  part: "before" | "sample" | "after";
  pass: "forward" | "backward" | "update";
  /** Its layer, from 1. */
  layer: number;
  element: "input" | "last" | "middle" | "outer" | "elementwise";
  /** Its loops as the element sees them. */
  shape: string;
  tiles: number;
  /** How often it runs in a step. */
  runs: number;
  /** Multiply-accumulates of one run. */
  macs: number;
  /** Cycles of one run. */
  cycles: number;
  beats: number;
  /** Shares of its cycles by cause, for each stage. */
  stalls: Partial<Record<"load" | "compute" | "store", Record<Cause, number>>>;
  bytes: Bytes;
  counters: Counters;
  basis: Basis;
}

/** Joules, as low and as high as the sources let them be. */
export interface Joules {
  low: number;
  high: number;
}

/** A whole simulated step. */
export interface SimulationTotal {
  kind: "total";
  engine: "event" | "tick";
  /** What the tick engine was compared with. */
  tick: {
    cycles: number;
    seconds: number;
    cycles_per_second: number;
    boundaries: number;
    boundary_differences: number;
    operations: number;
    words: number;
    word_differences: number;
  } | null;
  machine: Machine;
  schedule: Schedule;
  ranks: number[][];
  batch: number;
  bits: { core: number; activation: number; gradient: number };
  cycles: { per_sample: number; per_batch: number; per_step: number; per_sample_with_share: number };
  seconds: { per_sample: number; per_step: number };
  /** Cycles by cause, for each element's stages: `PE1.load`, ... */
  tracks: Record<string, Record<Cause, number>>;
  counters: Counters;
  bytes: Bytes;
  fit: {
    fits: boolean;
    device: {
      name: string;
      board: string;
      luts: number;
      block_ram_blocks: number;
      block_bits: number;
      multipliers: number;
      multiplier_inputs: [number, number];
      static_watts: number;
      source: string;
    };
    memories: {
      name: string;
      place: "block-ram" | "logic" | "external";
      banks: number;
      words: number;
      word_bits: number;
      blocks: number;
      buffers: { name: string; address: number; words: number }[];
    }[];
    blocks_used: number;
    blocks_available: number;
    product_bits: [number, number];
    multipliers_used: number;
    multipliers_available: number;
    luts_estimated: number;
    luts_available: number;
    approximate: boolean;
    overflow: string | null;
  };
  energy: {
    table: { name: string; source: string; multiply_32: number; add_32: number; sram_bit: number; dram_bit: Joules };
    factor: number;
    multiply: number;
    add: number;
    sram: number;
    dram: Joules;
    static: number;
    total: Joules;
    per_sample: Joules;
  };
  comparison: {
    processor: { name: string; macs_per_second: number; idle_watts: number; loaded_watts: number };
    efficiency: number;
    board_watts: number;
    processor_seconds: number;
    accelerator_seconds: number;
    speed_ratio: number;
    energy_ratio: number;
    implied_efficiency: number;
    published_speed_ratio: number;
    published_energy_ratio: number;
  };
  measured: { samples_per_second: number; speed_ratio: number } | null;
  roofline: {
    peak_macs_per_cycle: number;
    bytes_per_cycle: number;
    ridge: number;
    whole: {
      name: string;
      macs: number;
      bytes: number;
      macs_per_byte: number;
      macs_per_cycle: number;
      roof: number;
      bound: "compute" | "memory";
    };
  };
  basis: Basis;
}

/** Multiplies and cycles by the published formula. */
export interface CycleCount {
  macs: number;
  macs_per_multiplier: number;
  compute_beats: number;
  ping_pong: number;
  published_overlap: number;
}

/** The published count beside the trainer's step. */
export interface PublishedCount {
  kind: "published";
  lanes: number;
  rows: number;
  whole: CycleCount;
  without_outer: CycleCount;
  outer_on_array: CycleCount;
  cycles_on_this_machine: number;
  sample_cycles: number;
  added_by_the_trainer: { name: string; cycles: number }[];
  left_out_by_the_trainer: { name: string; cycles: number }[];
  basis: Basis;
}
