#!/usr/bin/env bash
# Formatting, clippy and documentation. The browser has code of its own, so each is looked at twice.
source "$(dirname "$0")/lib.sh"

need_wasm_target
for component in rustfmt clippy; do
  cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 && continue
  have rustup || fail "$component is missing and rustup is not there to add it; install Rust with rustup."
  say "Adding $component"
  rustup component add $component >&2 || fail "rustup could not add $component; check the network and run this again."
done

say "Formatting"
cargo fmt --check
say "Clippy, for this machine"
cargo clippy --all-targets -- -D warnings
say "Clippy, for the browser: the page, the Compare tab with its methods, and the package"
cargo clippy --target wasm32-unknown-unknown --no-default-features --lib --bins -- -D warnings
cargo clippy --target wasm32-unknown-unknown --lib --bins -- -D warnings
cargo clippy --target wasm32-unknown-unknown --no-default-features --features package --lib -- -D warnings
say "Documentation"
export RUSTDOCFLAGS="-D warnings"
cargo doc --no-deps
cargo doc --no-deps --lib --target wasm32-unknown-unknown
cargo doc --no-deps --lib --target wasm32-unknown-unknown --features package
