#!/usr/bin/env bash
# Builds the package for other pages and for scripts into pkg/.
source "$(dirname "$0")/lib.sh"

need_wasm_target
need_wasm_bindgen
need_npm_packages

say "Building the package (a minute or two the first time)"
cargo rustc --lib --crate-type cdylib --target wasm32-unknown-unknown --profile page \
  --no-default-features --features package >&2 || fail "the package does not build; cargo's lines above say why."
rm -rf pkg
wasm-bindgen --target web --weak-refs --out-dir pkg --out-name railyard \
  "$(target_folder)/wasm32-unknown-unknown/page/railyard.wasm" >&2 || fail "wasm-bindgen could not make the package."
node scripts/package.mjs
say "pkg/ is ready: railyard.js, railyard.d.ts, railyard_bg.wasm; README.md there says how to use it"
