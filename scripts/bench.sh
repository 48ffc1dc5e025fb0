#!/usr/bin/env bash
# Measures the executors: natively, and in the page's training worker in Chromium.
source "$(dirname "$0")/lib.sh"

need_rust
need_node 20
need_npm_packages
need_chromium

say "Natively"
cargo bench

scripts/build.sh
say "In $(chromium --version 2>/dev/null)"
CHROMIUM=$(command -v chromium) node scripts/bench-page.mjs
