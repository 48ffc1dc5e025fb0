//! How many workers train: the visitor's choice, a property of the machine and no part of a run. It is
//! remembered in this browser.

use gloo::storage::{LocalStorage, Storage};
use yew::prelude::*;

use super::fields::Choice;
use super::model::{Model, Workers};
use super::session::Session;
use crate::worker::message::Request;

const KEY: &str = "railyard-workers";
/// Most workers on offer.
const MOST: u8 = 8;

/// The number remembered; none to let the worker choose.
fn remembered() -> Option<u8> {
    let kept = LocalStorage::raw().get_item(KEY).ok().flatten();
    let kept = kept.and_then(|text| text.parse().ok());
    kept.filter(|count| (1..=most()).contains(count))
}

/// Processors of this machine, as far as the browser tells.
fn processors() -> u8 {
    let told = gloo::utils::window().navigator().hardware_concurrency();
    // Some browsers tell nothing, which arrives as no number.
    if told >= 1.0 { told.min(64.0) as u8 } else { 1 }
}

fn most() -> u8 {
    processors().min(MOST)
}

impl Session {
    /// Tell a worker that listens how many are to train.
    pub(super) fn ask_workers(&self) {
        let asked = remembered();
        self.change(|m| {
            m.workers = Workers {
                asked,
                count: 1,
                ..Workers::default()
            };
        });
        self.send_workers(asked);
    }

    fn send_workers(&self, asked: Option<u8>) {
        let processors = processors();
        self.send(Request::Workers { asked, processors });
    }

    /// Train with so many workers from the next step on; none to let the worker choose.
    pub fn choose_workers(&self, asked: Option<u8>) {
        match asked {
            // A browser that refuses storage forgets it with the page.
            Some(count) => drop(LocalStorage::raw().set_item(KEY, &count.to_string())),
            None => LocalStorage::delete(KEY),
        }
        self.change(|m| m.workers.asked = asked);
        self.send_workers(asked);
    }
}

/// The choice, for the rail.
pub fn choice(session: &Session, model: &Model) -> Html {
    let mut options = vec![AttrValue::from("auto")];
    options.extend((1..=most()).map(|count| AttrValue::from(count.to_string())));
    let chosen = model.workers.asked.map_or(0, usize::from);
    let session = session.clone();
    let onchoose = Callback::from(move |k: usize| {
        session.choose_workers(u8::try_from(k).ok().filter(|&count| count > 0));
    });
    html! {
        <Choice field="workers" label="workers" {options} {chosen} {onchoose}
            hint="Workers that share each batch, from the next step on. In fixed point any number gives the same bits; in floating point the last bits depend on it. Auto takes one in floating point and for small networks, else one for every two processors, up to four. Kept in this browser, not in the link." />
    }
}
