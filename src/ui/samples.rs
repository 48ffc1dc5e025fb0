//! Test images with the network's answers; choosing one lays it on the pad.

use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};
use yew::prelude::*;

use super::format;
use super::model::View;
use super::session::Session;
use crate::worker::message::{Answer, SampleImage};

/// Images shown.
const SHOWN: usize = 15;

/// Properties of [`Samples`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The run.
    pub view: View,
}

/// The images.
#[component]
pub fn Samples(props: &Props) -> Html {
    let Props { session, view } = props;
    let shown: Vec<_> = view.samples.iter().take(SHOWN).collect();
    let right = shown
        .iter()
        .zip(view.answers.iter())
        .filter(|(sample, answer)| sample.label == answer.class)
        .count();
    html! {
        <section class="card fill" aria-labelledby="samples-title">
            <div class="head">
                <h2 id="samples-title">{ "Test images" }</h2>
                <span class="legend">{
                    if view.answers.is_empty() || shown.is_empty() { String::new() } else { format!("{right} of these {} right", shown.len()) }
                }</span>
            </div>
            if shown.is_empty() {
                <p class="empty">{ "Shown once the data are loaded." }</p>
            } else {
                <ul class="samples">
                    { for shown.iter().enumerate().map(|(k, sample)| one(session, view, sample, view.answers.get(k))) }
                </ul>
            }
        </section>
    }
}

/// The first of a class' alternative names: `T-shirt` of `T-shirt/top`.
fn short(class: &str) -> String {
    class.split('/').next().unwrap_or(class).into()
}

fn one(session: &Session, view: &View, sample: &SampleImage, answer: Option<&Answer>) -> Html {
    let lay = {
        let (session, sample) = (session.clone(), sample.clone());
        Callback::from(move |_: MouseEvent| session.lay(sample.clone()))
    };
    let label = view.class(sample.label);
    let (class, text, title) = match answer {
        Some(answer) => {
            let said = view.class(answer.class);
            let sure = format::percent(answer.probability);
            if answer.class == sample.label {
                (
                    "right",
                    short(&said),
                    format!("{label}: answered right, {sure} %"),
                )
            } else {
                (
                    "wrong",
                    format!("✗ {}", short(&said)),
                    format!("{label}: answered {said}, {sure} %"),
                )
            }
        }
        None => ("", short(&label), label),
    };
    html! {
        <li key={sample.index}>
            <button type="button" class={classes!("sample", class)} onclick={lay} title={title.clone()} aria-label={format!("Test image {}. {title}. Lay it on the pad.", sample.index)}>
                <Thumb pixels={sample.pixels.clone()} width={view.size.1} />
                <span>{ text }</span>
            </button>
        </li>
    }
}

/// Properties of [`Thumb`].
#[derive(Properties, PartialEq)]
pub struct ThumbProps {
    /// Pixels, row-major.
    pub pixels: Vec<u8>,
    /// Columns.
    pub width: usize,
}

/// A small picture. Decoration: what it shows is said by the button around it.
#[component]
pub fn Thumb(props: &ThumbProps) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with(
            (props.pixels.clone(), props.width),
            move |(pixels, width)| {
                if let Some(canvas) = node.cast::<HtmlCanvasElement>() {
                    let _ = picture(&canvas, pixels, *width);
                }
            },
        );
    }
    html! { <canvas ref={node} class="thumb" aria-hidden="true"></canvas> }
}

/// Draw grey pixels into a canvas of their size: ink on transparent ground, so that both themes suit.
fn picture(canvas: &HtmlCanvasElement, pixels: &[u8], width: usize) -> Option<()> {
    let height = pixels.len().checked_div(width)?;
    let (w, h) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    canvas.set_width(w);
    canvas.set_height(h);
    let ctx: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    let rgba: Vec<u8> = pixels
        .iter()
        .take(width * height)
        .flat_map(|p| [255 - p, 255 - p, 255 - p, 255])
        .collect();
    let data = ImageData::new_with_u8_clamped_array_and_sh(Clamped(&rgba), w, h).ok()?;
    ctx.put_image_data(&data, 0.0, 0.0).ok()
}
