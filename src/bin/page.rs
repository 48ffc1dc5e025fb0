//! The page's binary (wasm32; it does nothing elsewhere).

fn main() {
    #[cfg(target_arch = "wasm32")]
    railyard::ui::start();
}
