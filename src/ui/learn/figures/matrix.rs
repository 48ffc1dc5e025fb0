//! Figures of the matrix as a whole: its size, its modes, and what is left of it at a rank.

use yew::prelude::*;

use super::{bar, bars, heat, readout, slider};
use crate::accel::Device;
use crate::ui::format;
use crate::ui::learn::sums::{self, FULL_RANK, INPUTS, PICTURE, SMALL};

/// A dense matrix beside what boards hold.
#[component]
pub fn Numbers() -> Html {
    let sixteenths = use_state_eq(|| 32_usize);
    let outputs = 16 * *sixteenths;
    let bytes = sums::dense_bytes(outputs);
    let devices = Device::ALL.map(|device| (device.budget(), sums::block_ram_bytes(device)));
    let most = devices
        .iter()
        .map(|(_, b)| *b)
        .max()
        .unwrap_or(1)
        .max(bytes) as f64;
    let mut list = vec![bar(
        "weights",
        "amber",
        bytes as f64 / most,
        &format::bytes(bytes),
    )];
    for (budget, room) in &devices {
        let text = if *room < bytes {
            "too small for them"
        } else {
            "holds them"
        };
        list.push(bar(
            budget.name,
            "teal",
            *room as f64 / most,
            &format!("{}, {text}", format::bytes(*room)),
        ));
    }
    let fit = devices.iter().filter(|(_, room)| *room >= bytes).count();
    let set = sixteenths.clone();
    html! {
        <>
            { slider("learn-outputs", "outputs", [4, 64], *sixteenths, &outputs.to_string(), move |k| set.set(k)) }
            { bars("Memory of the weights and of boards", list) }
            { readout(&format!("{INPUTS} × {outputs} = {} numbers of 32 bits; {fit} of {} devices hold them in block RAM.", format::count((INPUTS * outputs) as u64), devices.len())) }
        </>
    }
}

/// Row and column as digits.
#[component]
pub fn Modes() -> Html {
    let row = use_state_eq(|| 5_usize);
    let column = use_state_eq(|| 2_usize);
    let (i, j) = (*row, *column);
    let (rows, columns) = (sums::digits(i, &SMALL), sums::digits(j, &SMALL));
    let label = format!(
        "An 8 by 8 matrix; the weight at row {i}, column {j} is framed, and the block that the first digits choose is coloured."
    );
    let block = |r: usize, c: usize| {
        sums::digits(r, &SMALL)[0] == rows[0] && sums::digits(c, &SMALL)[0] == columns[0]
    };
    let inner = |r: usize, c: usize| {
        block(r, c)
            && sums::digits(r, &SMALL)[1] == rows[1]
            && sums::digits(c, &SMALL)[1] == columns[1]
    };
    let value = |r: usize, c: usize| {
        if inner(r, c) {
            0.75
        } else if block(r, c) {
            0.3
        } else {
            0.06
        }
    };
    let (to_row, to_column) = (row.clone(), column.clone());
    html! {
        <>
            { slider("learn-row", "row i", [0, 7], i, &i.to_string(), move |k| to_row.set(k)) }
            { slider("learn-column", "column j", [0, 7], j, &j.to_string(), move |k| to_column.set(k)) }
            <div class="beside">
                { heat(&label, (8, 8), false, value, |r, c| (r, c) == (i, j)) }
                <table class="digits">
                    <caption class="hidden">{ "The digits of row and column" }</caption>
                    <thead><tr><th scope="col">{ "mode" }</th><th scope="col">{ "i" }</th><th scope="col">{ "j" }</th></tr></thead>
                    <tbody>{ for (0..3).map(|k| html! {
                        <tr><th scope="row">{ k + 1 }</th><td class="num">{ rows[k] }</td><td class="num">{ columns[k] }</td></tr>
                    }) }</tbody>
                </table>
            </div>
            { readout(&format!("i = {i} is {}, j = {j} is {} in modes 2 2 2.", format::list(&rows), format::list(&columns))) }
        </>
    }
}

/// A matrix cut to a rank.
#[component]
pub fn Rank() -> Html {
    let rank = use_state_eq(|| 3_usize);
    let whole = use_memo((), |()| sums::picture());
    let cut = use_memo(*rank, |rank| sums::cut(*rank));
    let Some(cut) = &*cut else {
        return Html::default();
    };
    let numbers = PICTURE * PICTURE;
    let set = rank.clone();
    html! {
        <>
            { slider("learn-rank", "rank", [1, FULL_RANK], *rank, &rank.to_string(), move |k| set.set(k)) }
            <div class="beside even">
                <figure>{ heat("The matrix", (PICTURE, PICTURE), false, |r, c| whole[[r, c]], |_, _| false) }<figcaption>{ format!("W, {numbers} numbers") }</figcaption></figure>
                <figure>{ heat(&format!("The matrix at rank {}", *rank), (PICTURE, PICTURE), false, |r, c| cut.matrix[[r, c]].max(0.0), |_, _| false) }<figcaption>{ format!("rank {}, {} numbers", format::list(&cut.ranks), cut.numbers) }</figcaption></figure>
            </div>
            { readout(&format!("Two cores of modes 4 4 × 4 4 with rank {}: {} numbers instead of {numbers}, relative error {:.1} %.", format::list(&cut.ranks), cut.numbers, 100.0 * cut.error)) }
        </>
    }
}
