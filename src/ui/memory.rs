//! Where the memory went: parameters from dense float to what is deployed, and the whole training
//! state by category.

use yew::prelude::*;

use super::figures::{Kind, Provenance};
use super::format;
use super::learn::step::Step;
use super::model::View;
use crate::train::metrics::{MemoryCategory, MemoryStage};

/// The published reduction of the paper's network.
const PUBLISHED: f64 = 292.0;

/// Properties of [`Memory`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The run.
    pub view: View,
}

/// The panel.
#[component]
pub fn Memory(props: &Props) -> Html {
    let snapshot = props.view.snapshot.as_deref();
    let stages = snapshot.map_or(&[][..], |s| &s.memory.stages);
    let training = snapshot.map_or(&[][..], |s| &s.memory.training);
    html! {
        <section class="card fill" aria-labelledby="memory-title">
            <div class="head">
                <h2 id="memory-title">{ "Where the memory went" }</h2>
                <Provenance learn={Step::Prior} kind={Kind::Counted} align="end" text="Counted: bits of weights and biases at each stage, from the shapes of the cores that are alive. Bars are logarithmic. 292× is the published figure for the paper's network at 4 bits with pruning." />
            </div>
            <div class="stages">{ stage_rows(stages) }</div>
            { training_rows(training) }
        </section>
    }
}

fn stage_rows(stages: &[MemoryStage]) -> Html {
    let Some(first) = stages.first() else {
        return html! { <p class="empty">{ "Counted as soon as there is a network." }</p> };
    };
    let dense = bits_f64(first.bits);
    // The scale reaches from a two-thousandth of the dense network to all of it.
    let share = |bits: f64| (1.0 + (bits / dense).log10() / 3.3).clamp(0.02, 1.0) * 100.0;
    let classes = ["dense", "tt", "low", "pruned"];
    html! {
        <dl>
            { for stages.iter().zip(classes.iter().cycle()).map(|(stage, class)| {
                let bits = bits_f64(stage.bits);
                html! {
                    <div class="stage">
                        <dt>{ &stage.name }</dt>
                        <dd>
                            <span class="track" aria-hidden="true"><i class={*class} style={format!("width:{:.1}%", share(bits))}></i></span>
                            <span class="num amount">{ format::bits(stage.bits) }</span>
                            <span class="num times">{ format::factor(dense / bits.max(1.0)) }</span>
                        </dd>
                    </div>
                }
            }) }
            <div class="stage reference">
                <dt>{ "paper, published" }</dt>
                <dd>
                    <span class="track" aria-hidden="true"><i class="published" style={format!("width:{:.1}%", share(dense / PUBLISHED))}></i></span>
                    <span class="num amount">{ "" }</span>
                    <span class="num times">{ format::factor(PUBLISHED) }</span>
                </dd>
            </div>
        </dl>
    }
}

fn training_rows(training: &[MemoryCategory]) -> Html {
    let total: u64 = training.iter().map(|c| c.bytes).sum();
    if total == 0 {
        return Html::default();
    }
    html! {
        <div class="state">
            <div class="state-head"><span>{ "training state" }</span><span class="num">{ format::bytes(total) }</span></div>
            <div class="stack" aria-hidden="true">
                { for training.iter().enumerate().filter(|(_, c)| c.bytes > 0).map(|(k, c)| html! {
                    <i class={format!("c{k}")} style={format!("flex-grow:{}", c.bytes)}></i>
                }) }
            </div>
            <ul class="parts">
                { for training.iter().enumerate().map(|(k, c)| html! {
                    <li><i class={format!("c{k}")} aria-hidden="true"></i><span>{ &c.name }</span><span class="num">{ format::bytes(c.bytes) }</span></li>
                }) }
            </ul>
        </div>
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "shown with three significant figures"
)]
fn bits_f64(bits: u64) -> f64 {
    bits as f64
}
