//! A small network in training: the variances of one bond, and the threshold under which an index dies.

use yew::prelude::*;

use super::{readout, slider};
use crate::ui::format;
use crate::ui::learn::lot::{Lot, RANK};

/// Strengths to choose from.
const STRENGTHS: [f32; 5] = [0.0, 0.05, 0.1, 0.2, 0.4];

/// The bond.
#[component]
pub fn Prior() -> Html {
    let strength = use_state_eq(|| 2_usize);
    let lot = use_mut_ref(|| Lot::new(STRENGTHS[2]));
    let turn = use_state(|| 0_u32);
    let train = |steps: u64| {
        let (lot, turn) = (lot.clone(), turn.clone());
        Callback::from(move |_: MouseEvent| {
            if let Some(lot) = &mut *lot.borrow_mut() {
                lot.train(steps);
            }
            turn.set(*turn + 1);
        })
    };
    let anew = {
        let (lot, turn, strength) = (lot.clone(), turn.clone(), strength.clone());
        move |k: usize| {
            *lot.borrow_mut() = STRENGTHS.get(k).and_then(|s| Lot::new(*s));
            strength.set(k);
            turn.set(*turn + 1);
        }
    };
    let afresh = {
        let (anew, at) = (anew.clone(), *strength);
        Callback::from(move |_: MouseEvent| anew(at))
    };
    let (train_ten, train_all) = (train(10), train(10_000));
    let held = lot.borrow();
    let Some(bond) = held.as_ref().and_then(Lot::bond) else {
        return Html::default();
    };
    let (steps, of) = held.as_ref().map(Lot::steps).unwrap_or_default();
    let accuracy = held.as_ref().map(Lot::accuracy).unwrap_or_default();
    let shown = |index: usize| {
        let at = bond.alive.iter().position(|a| usize::from(*a) == index)?;
        bond.variances.get(at).copied()
    };
    // Four decades up from a tenth of the threshold.
    let height = |value: f32| {
        ((f64::from(value / bond.threshold.max(1e-9)).log10() + 1.0) / 4.0).clamp(0.01, 1.0)
    };
    let line = height(bond.threshold);
    let label = format!(
        "Variances of {RANK} indices on a logarithmic scale: {} alive.",
        bond.alive.len()
    );
    html! {
        <>
            { slider("learn-strength", "strength", [0, STRENGTHS.len() - 1], *strength, &STRENGTHS[*strength].to_string(), anew) }
            <div class="deeds">
                <button type="button" class="quiet" onclick={train_ten} disabled={steps >= of}>{ "Train 10 steps" }</button>
                <button type="button" class="quiet" onclick={train_all} disabled={steps >= of}>{ "Train to the end" }</button>
                <button type="button" class="quiet" onclick={afresh}>{ "Start again" }</button>
            </div>
            <svg class="variances" viewBox="0 0 240 100" role="img" aria-label={label}>
                { for (0..RANK).map(|index| {
                    let x = 8.0 + 29.0 * index as f64;
                    match shown(index) {
                        Some(value) => { let h = 92.0 * height(value); html! { <rect class="alive" x={format!("{x:.1}")} y={format!("{:.1}", 96.0 - h)} width="20" height={format!("{h:.1}")} /> } }
                        None => html! { <text class="gone" x={format!("{:.1}", x + 10.0)} y="92" text-anchor="middle">{ "†" }</text> },
                    }
                }) }
                <line class="threshold" x1="0" x2="240" y1={format!("{:.1}", 96.0 - 92.0 * line)} y2={format!("{:.1}", 96.0 - 92.0 * line)} />
            </svg>
            { readout(&format!("Step {steps} of {of}: {} of {RANK} indices alive, threshold {}; accuracy on other pictures {} %.", bond.alive.len(), bond.threshold, format::percent(accuracy))) }
        </>
    }
}
