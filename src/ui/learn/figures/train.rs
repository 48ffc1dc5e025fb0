//! Figures of a small train: what a core holds, and how a weight is read off.

use yew::prelude::*;

use super::{heat, readout, slider};
use crate::ui::learn::sums::{self, SMALL};

/// Values as a table of numbers.
fn numbers(label: &str, rows: &[Vec<f64>]) -> Html {
    html! {
        <table class="brackets num" aria-label={label.to_string()}>
            <tbody>{ for rows.iter().map(|row| html! { <tr>{ for row.iter().map(|value| html! { <td>{ plain(*value) }</td> }) }</tr> }) }</tbody>
        </table>
    }
}

fn plain(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text {
        "-0" => "0".into(),
        text => text.replace('-', "−"),
    }
}

/// One core.
#[component]
pub fn Core() -> Html {
    let train = use_memo((), |()| sums::small_train());
    let core = use_state_eq(|| 1_usize);
    let pair = use_state_eq(|| [0_usize, 1]);
    let [i, j] = *pair;
    let sizes = train.shape().core_shape(*core);
    let chosen = sums::small_matrix(&train, *core, *pair);
    let (to_core, rows, columns) = (core.clone(), pair.clone(), pair.clone());
    html! {
        <>
            { slider("learn-core", "core k", [1, 3], *core + 1, &(*core + 1).to_string(), move |k| to_core.set(k - 1)) }
            { slider("learn-core-row", "digit i", [0, 1], i, &i.to_string(), move |k| rows.set([k, rows[1]])) }
            { slider("learn-core-column", "digit j", [0, 1], j, &j.to_string(), move |k| columns.set([columns[0], k])) }
            <div class="stack">
                { for (0..2_usize).flat_map(|r| (0..2_usize).map(move |c| (r, c))).map(|(r, c)| {
                    let matrix = sums::small_matrix(&train, *core, [r, c]);
                    let here = [r, c] == *pair;
                    html! {
                        <div class={classes!("sheet-of", here.then_some("chosen"))}>
                            <span class="num soft">{ format!("[{r}, {c}]") }</span>
                            { numbers(&format!("G{} at digits {r}, {c}", *core + 1), &matrix) }
                        </div>
                    }
                }) }
            </div>
            { readout(&format!("G{} has shape {} × {} × {} × {}; at digits {i}, {j} it holds a matrix of {} × {}.", *core + 1, sizes[0], sizes[1], sizes[2], sizes[3], chosen.len(), chosen[0].len())) }
        </>
    }
}

/// One weight.
#[component]
pub fn Weight() -> Html {
    let train = use_memo((), |()| sums::small_train());
    let dense = use_memo((), |()| sums::small_train().reconstruct());
    let row = use_state_eq(|| 5_usize);
    let column = use_state_eq(|| 2_usize);
    let (i, j) = (*row, *column);
    let digits = [sums::digits(i, &SMALL), sums::digits(j, &SMALL)];
    let walk = sums::walk(&train, i, j);
    let weight = walk[2][0];
    let most = dense.iter().fold(1e-9_f64, |most, v| most.max(v.abs()));
    let (to_row, to_column) = (row.clone(), column.clone());
    html! {
        <>
            { slider("learn-weight-row", "row i", [0, 7], i, &i.to_string(), move |k| to_row.set(k)) }
            { slider("learn-weight-column", "column j", [0, 7], j, &j.to_string(), move |k| to_column.set(k)) }
            <div class="beside">
                { heat(&format!("The dense matrix; its weight at row {i}, column {j} is framed."), (8, 8), true, |r, c| dense[[r, c]] / most, |r, c| (r, c) == (i, j)) }
                <div class="chain">
                    { for (0..3_usize).map(|k| {
                        let at = [digits[0][k], digits[1][k]];
                        html! {
                            <>
                                if k > 0 { <span class="times" aria-hidden="true">{ "×" }</span> }
                                <div class="sheet-of">
                                    <span class="num soft">{ format!("G{} [{}, {}]", k + 1, at[0], at[1]) }</span>
                                    { numbers(&format!("G{} at its digits", k + 1), &sums::small_matrix(&train, k, at)) }
                                </div>
                            </>
                        }
                    }) }
                    <span class="times">{ format!("= {}", plain(weight)) }</span>
                </div>
            </div>
            { readout(&format!("After G1: {}. After G2: {}. After G3: {}; the dense matrix has {} there.", row_text(&walk[0]), row_text(&walk[1]), plain(weight), plain(dense[[i, j]]))) }
        </>
    }
}

fn row_text(row: &[f64]) -> String {
    let texts: Vec<String> = row.iter().map(|v| plain(*v)).collect();
    ["(", &texts.join(", "), ")"].concat()
}
