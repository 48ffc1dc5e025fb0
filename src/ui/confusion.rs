//! The confusion matrix of the last epoch as a table: a row per label, a column per answer.

use yew::prelude::*;

use super::format;
use super::model::View;

/// Properties of [`Confusion`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The run.
    pub view: View,
}

/// The matrix.
#[component]
pub fn Confusion(props: &Props) -> Html {
    let view = &props.view;
    let epoch = view.last_epoch();
    let matrix = epoch.as_ref().map_or(&[][..], |e| &e.confusion);
    let classes = matrix.len().isqrt();
    html! {
        <section class="card fill" aria-labelledby="confusion-title">
            <div class="head">
                <h2 id="confusion-title">{ "Confusion" }</h2>
                <span class="legend">{ if classes > 0 { "row: label · column: answer · % of row" } else { "" } }</span>
            </div>
            if classes > 0 {
                <div class="matrix" tabindex="0" role="region" aria-label="Confusion matrix">
                    <table>
                        <caption class="hidden">{ format!("Confusion matrix after epoch {}, percent of each row", epoch.as_ref().map_or(0, |e| e.epoch)) }</caption>
                        <thead><tr>
                            <td></td>
                            { for (0_u8..).take(classes).map(|c| html! { <th scope="col" title={view.class(c)}><abbr title={view.class(c)}>{ c }</abbr></th> }) }
                        </tr></thead>
                        <tbody>
                            { for (0_u8..).zip(matrix.chunks(classes)).map(|(label, row)| line(view, label, row)) }
                        </tbody>
                    </table>
                </div>
            } else {
                <p class="empty">{ "Counted on the test images after each epoch." }</p>
            }
        </section>
    }
}

fn line(view: &View, label: u8, row: &[u32]) -> Html {
    let total = row.iter().sum::<u32>().max(1);
    html! {
        <tr key={label}>
            <th scope="row"><span class="num">{ label }</span>{ " " }{ view.class(label) }</th>
            { for (0_u8..).zip(row).map(|(answer, &count)| {
                let share = f64::from(count) * 100.0 / f64::from(total);
                let class = if answer == label { "right" } else { "wrong" };
                let title = format!("{} answered as {}: {} of {}", view.class(label), view.class(answer), format::count(count.into()), total);
                let text = if count == 0 { String::new() } else { format!("{share:.0}") };
                html! { <td {class} {title} style={format!("--p:{:.1}%", shade(share))}>{ text }</td> }
            }) }
        </tr>
    }
}

/// How much of the colour a share shows: small shares are lifted so that they can be told from none.
fn shade(share: f64) -> f64 {
    if share <= 0.0 {
        0.0
    } else {
        (8.0 + share * 0.6).min(62.0)
    }
}
