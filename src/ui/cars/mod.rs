//! The cores drawn as a train: cars from their real values, couplings as thick as their rank, the
//! variances as bars over each coupling with the pruning threshold.
//!
//! A car shows its core unfolded as a matrix of `m x n` blocks, one block for each pair of left and
//! right rank index, so that an index which dies takes a row or column of blocks with it and the car
//! shrinks. End cores have only one rank: their blocks are wrapped into a rectangle.

mod picture;
mod plan;
mod scene;

use yew::prelude::*;

use self::scene::Scene;
use super::canvas::{Canvas, Paint};
use super::format;
use super::model::View;
use super::parts;
use crate::train::metrics::{Measure, Snapshot};

/// Properties of [`Cars`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The run.
    pub view: View,
}

/// The train.
#[component]
pub fn Cars(props: &Props) -> Html {
    let view = &props.view;
    let scene = use_mut_ref(Scene::default);
    let paint = use_memo(view.snapshot.clone(), |snapshot| {
        let (snapshot, scene) = (snapshot.clone(), scene.clone());
        Paint::new(move |surface| match &snapshot {
            Some(snapshot) => scene.borrow_mut().paint(surface, snapshot),
            None => false,
        })
    });
    let layers = view.snapshot.as_ref().map_or(0, |s| s.layers.len());
    html! {
        <section class="card fill" aria-labelledby="cars-title">
            <div class="head">
                <h2 id="cars-title">{ title(view.snapshot.as_deref()) }</h2>
                { legend(view.snapshot.as_deref()) }
                { view.snapshot.as_deref().map(table) }
            </div>
            <Canvas
                class={classes!("cars", format!("layers-{layers}"))}
                paint={(*paint).clone()}
                label={view.snapshot.as_deref().map_or("No network yet".into(), describe)}
                described_by="cars-table"
            />
        </section>
    }
}

/// What decides over the rank indices of a network, in a word; none where ranks stay.
fn measure(snapshot: Option<&Snapshot>) -> Option<&'static str> {
    let bonds = snapshot?.layers.iter().flat_map(|layer| &layer.bonds);
    bonds
        .map(|bond| bond.measure)
        .find_map(|measure| match measure {
            Measure::None => None,
            Measure::Variance => Some("variance"),
            Measure::Relevance => Some("relevance"),
        })
}

fn legend(snapshot: Option<&Snapshot>) -> Html {
    html! {
        <span class="legend" aria-hidden="true">
            <i class="key pos"></i>{ "positive" }<i class="key neg"></i>{ "negative" }
            if let Some(measure) = measure(snapshot) {
                <i class="key bar"></i>{ format!("{measure} of an index (log)") }<i class="key thr"></i>{ "it dies below" }
            }
        </span>
    }
}

fn title(snapshot: Option<&Snapshot>) -> String {
    let Some(snapshot) = snapshot else {
        return "The network".into();
    };
    snapshot
        .layers
        .iter()
        .map(|layer| match layer.cores.len() {
            1 => format!("{}: dense", layer.name),
            n => format!("{}: {n} cores", layer.name),
        })
        .collect::<Vec<_>>()
        .join(" · ")
}

fn describe(snapshot: &Snapshot) -> String {
    let bonds: Vec<String> = snapshot
        .layers
        .iter()
        .filter(|layer| !layer.bonds.is_empty())
        .map(|layer| {
            let ranks: Vec<_> = layer
                .bonds
                .iter()
                .map(|b| format!("{} of {}", b.alive.len(), b.initial_rank))
                .collect();
            format!("{}, ranks {}", layer.name, ranks.join(", "))
        })
        .collect();
    format!(
        "Tensor-train cores drawn as cars joined by their ranks. {}.",
        bonds.join("; ")
    )
}

fn shape(shape: [usize; 4]) -> String {
    shape.map(|n| n.to_string()).join("×")
}

/// The same as a table.
fn table(snapshot: &Snapshot) -> Html {
    let rows = snapshot.layers.iter().flat_map(|layer| {
        layer.cores.iter().enumerate().map(|(k, core)| {
            let peak = core
                .values
                .iter()
                .fold(0.0_f32, |peak, v| peak.max(v.abs()));
            let bond = layer.bonds.get(k).map_or("–".to_string(), |bond| {
                format!("{} of {}", bond.alive.len(), bond.initial_rank)
            });
            let least = layer
                .bonds
                .get(k)
                .and_then(|b| b.variances.iter().copied().reduce(f32::min));
            let texts = [
                shape(core.shape),
                format::count(core.values.len() as u64),
                format!("{peak:.3}"),
                bond,
                least.map_or("–".into(), |v| format!("{v:.1e}")),
            ];
            parts::row(&format!("{} G{}", layer.name, k + 1), &texts)
        })
    });
    let least = ["Least ", measure(Some(snapshot)).unwrap_or("variance")].concat();
    let table = parts::table(
        None,
        Some("cars-table"),
        "Cores and the bonds to their right",
        parts::columns(&[
            "Core",
            "r×m×n×r′",
            "Entries",
            "Largest",
            "Rank alive",
            &least,
        ]),
        rows.collect(),
    );
    parts::sheet("Table", "Cores and bonds as a table", table)
}
