#!/usr/bin/env bash
# Runs every test: the library's, the examples in its documentation, the package's, and the page's in Chromium.
source "$(dirname "$0")/lib.sh"

need_rust
# Playwright wants this one.
need_node 20
need_npm_packages
need_chromium

say "Testing the library"
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --profile ci
else
  # The same tests; nextest only runs them in parallel and reports them better.
  cargo test --lib --bins --tests
fi

say "Testing the examples in the documentation"
cargo test --doc

scripts/build.sh
scripts/package.sh
need_python

# Some compare the page with the command line.
need_command_line
say "Testing the package, and the page in $(chromium --version 2>/dev/null)"
shopt -s nullglob
# One file after the other: some measure time.
CHROMIUM=$(command -v chromium) CHROMEDRIVER=$(command -v chromedriver) RAILYARD_BIN=$(target_folder)/release/railyard \
  RAILYARD_PYTHON=$python node --test --test-concurrency=1 scripts/*.test.mjs bench/*.test.mjs tests/package/*.test.mjs tests/browser/*.test.mjs
