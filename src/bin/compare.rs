//! The Compare tab and its training worker in one program (wasm32; it does nothing elsewhere): the scope it
//! starts in tells which of the two it is.

fn main() {
    #[cfg(target_arch = "wasm32")]
    {
        if railyard::worker::in_worker() {
            railyard::worker::start_race();
        } else {
            railyard::ui::compare::start();
        }
    }
}
