//! The Board tab put together.

use yew::prelude::*;

use super::console::Console;
use super::figures::Figures;
use super::frames::Frames;
use super::ride::Ride;
use super::time::TimePanel;
use super::verify::VerifyPanel;
use super::what::WhatPanel;
use crate::ui::chart::Chart;
use crate::ui::model::{Model, Phase};
use crate::ui::session::Session;

/// Properties of [`BoardTab`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The model.
    pub model: Model,
}

/// The tab.
#[component]
pub fn BoardTab(props: &Props) -> Html {
    let Props { session, model } = props;
    let board = &model.board;
    let open = board.open();
    let bits = &model.view.config.bits;
    let onverify = {
        let session = session.clone();
        Callback::from(move |()| session.verify())
    };
    let onsay = {
        let session = session.clone();
        Callback::from(move |text: String| session.console(text))
    };
    html! {
        <>
            <Ride session={session.clone()} view={board.view.clone()} run={model.view.clone()} training={model.phase == Phase::Running} />
            <Figures view={board.view.clone()} comparison={board.comparison.clone()} />
            <div class="pair above">
                <Chart view={model.view.clone()} />
                <TimePanel view={board.view.clone()} />
            </div>
            <div class="pair">
                <WhatPanel view={board.view.clone()} />
                <VerifyPanel comparison={board.comparison.clone()} {open} busy={board.verifying} master={[bits.master, bits.activation]} {onverify} />
            </div>
            <div class="pair logs">
                <Frames session={session.clone()} frames={board.frames.clone()} statistics={board.view.statistics} any={board.view.statistics.frames > 0} />
                <Console lines={board.console.clone()} {open} {onsay} />
            </div>
        </>
    }
}
