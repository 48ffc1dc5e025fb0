//! Markup that many panels are made of. Every `html!` is code of its own; what is here is there once.

use yew::prelude::*;

/// Names of a table's columns.
pub fn columns(names: &[&str]) -> Html {
    html! { <thead><tr>{ for names.iter().copied().map(column) }</tr></thead> }
}

/// The name of one column.
pub fn column(name: &str) -> Html {
    html! { <th scope="col">{ name }</th> }
}

/// A row of a table: what it is about, and its cells.
pub fn row(name: &str, texts: &[String]) -> Html {
    html! { <tr>{ cells(name, texts) }</tr> }
}

/// What a row holds.
pub fn cells(name: &str, texts: &[String]) -> Html {
    html! { <><th scope="row">{ name }</th>{ for texts.iter().map(|text| cell(text)) }</> }
}

/// One cell.
pub fn cell(text: &str) -> Html {
    match text {
        "" => html! { <td></td> },
        _ => html! { <td>{ text }</td> },
    }
}

/// A row that says how much of something is used, in words and as a bar.
pub fn gauge(name: &str, title: Option<&'static str>, over: bool, share: f64, text: &str) -> Html {
    html! {
        <tr class={over.then_some("over")} {title}>
            <th scope="row">{ name }</th>
            <td class="gauge"><span class="gauge-bar" aria-hidden="true"><i style={format!("width:{:.1}%", (share * 100.0).min(100.0))}></i></span></td>
            <td>{ text }</td>
        </tr>
    }
}

/// A table: its style and identity, what it is called by screen readers, its columns and its rows.
pub fn table(
    class: Option<&'static str>,
    id: Option<&'static str>,
    caption: &str,
    columns: Html,
    rows: Html,
) -> Html {
    html! {
        <table {class} {id}>
            <caption class="hidden">{ caption }</caption>
            { columns }
            <tbody>{ rows }</tbody>
        </table>
    }
}

/// A part of the page that scrolls.
pub fn scroll(class: &'static str, label: &'static str, holds: Html) -> Html {
    html! { <div {class} tabindex="0" role="region" aria-label={label}>{ holds }</div> }
}

/// A table that is there when it is asked for.
pub fn sheet(name: &'static str, label: &'static str, table: Html) -> Html {
    html! {
        <details class="table">
            <summary>{ name }</summary>
            { scroll("sheet", label, table) }
        </details>
    }
}
