#!/usr/bin/env bash
# Builds the page into dist/, with the full data sets beside it.
source "$(dirname "$0")/lib.sh"

need_wasm_target
need_trunk
need_wasm_bindgen
need_npm_packages
need_packed_data

say "Building the page (several minutes the first time)"
# Trunk reads NO_COLOR as a boolean and refuses the usual 1.
env -u NO_COLOR trunk build --release --offline >&2 || fail "the page does not build; the lines above say why."

mkdir -p dist/data
for pack in data/*.rypk; do
  if [[ -f $pack ]]; then cp "$pack" dist/data/; fi
done
