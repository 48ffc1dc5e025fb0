//! The Accelerator tab put together.

use yew::prelude::*;

use super::budget::{EnergyPanel, FitPanel};
use super::figures::{Figures, measured};
use super::floorplan::Floorplan;
use super::operations::Operations;
use super::roofline::Roofline;
use super::setup::Scope;
use super::stalls::Stalls;
use super::timed::Report;
use super::versus::{Processor, Versus};
use crate::ui::fields::Segments;
use crate::ui::model::{Model, Phase};
use crate::ui::session::Session;
use crate::ui::timeline::TimelineView;

/// Properties of [`AccelTab`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The model.
    pub model: Model,
    /// The run on the machine; none before there is a network.
    pub report: Option<Report>,
}

/// The tab.
#[component]
pub fn AccelTab(props: &Props) -> Html {
    let Props {
        session,
        model,
        report,
    } = props;
    let Some(report) = report else {
        return html! {
            <section class="card waiting"><p class="empty">{ match model.phase {
                Phase::Failed => "There is no network: the training worker could not be started.",
                _ if model.view.snapshot.is_some() => "A step of this network falls into too many tiles on this machine to be timed: choose a larger array, smaller layers, or another contraction order.",
                _ => "The step is timed as soon as there is a network.",
            } }</p></section>
        };
    };
    let accel = &model.accel;
    let (speed, here) = measured(model);
    html! {
        <>
            <Figures report={report.clone()} costs={accel.costs.clone()} measured={speed} {here} />
            <Floorplan report={report.clone()} running={model.phase == Phase::Running} />
            { timeline(session, model) }
            <div class="even">
                <Stalls report={report.clone()} />
                <Roofline report={report.clone()} />
            </div>
            <div class="thirds">
                <EnergyPanel session={session.clone()} report={report.clone()} costs={accel.costs.clone()} />
                <FitPanel timed={report.now.clone()} />
                <Processor session={session.clone()} accel={accel.clone()} report={report.clone()} />
            </div>
            <Versus session={session.clone()} accel={accel.clone()} report={report.clone()} />
            <Operations timed={report.now.clone()} />
        </>
    }
}

const SCOPES: [Scope; 3] = [Scope::Step, Scope::Epoch, Scope::Run];

/// The run's steps as a timeline.
fn timeline(session: &Session, model: &Model) -> Html {
    let Some(steps) = session.steps() else {
        return Html::default();
    };
    let program = session.accelerator().map(|report| report.now.program);
    let onchoose = {
        let session = session.clone();
        Callback::from(move |k: usize| {
            if let Some(&scope) = SCOPES.get(k) {
                session.edit_accel(|accel| accel.scope = scope);
            }
        })
    };
    let options = vec![
        ("one step", "The step with the ranks that are alive now"),
        (
            "this epoch",
            "The epoch that is being trained, or was trained last; steps to come have the ranks that are alive now",
        ),
        ("whole run", "All steps of the run"),
    ];
    let chosen = SCOPES.iter().position(|scope| *scope == model.accel.scope);
    html! {
        <div class="cycles">
            <Segments name="Timeline of" {options} {chosen} {onchoose} />
            <TimelineView timeline={steps.timeline} {program} title={steps.title} />
        </div>
    }
}
