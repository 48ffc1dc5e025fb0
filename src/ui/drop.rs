//! Files dropped on a panel.

use web_sys::FileList;
use yew::prelude::*;

/// What a panel does while files are dragged over it (`over` is then true), when they leave, and when
/// they are dropped.
pub fn handlers(
    over: &UseStateHandle<bool>,
    take: impl Fn(Option<FileList>) + 'static,
) -> [Callback<DragEvent>; 3] {
    let (enter, leave, end) = (over.clone(), over.clone(), over.clone());
    [
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            enter.set(true);
        }),
        Callback::from(move |_: DragEvent| leave.set(false)),
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            end.set(false);
            take(event.data_transfer().and_then(|transfer| transfer.files()));
        }),
    ]
}
