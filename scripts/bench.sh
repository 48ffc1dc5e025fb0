#!/usr/bin/env bash
# Measures Railyard natively and in Chromium, by turns with TensorFlow.js and PyTorch, and prints how they
# compare. Options are those of bench/run.mjs, such as: scripts/bench.sh --only tt,dense
source "$(dirname "$0")/lib.sh"

# The Python of the peer, or nothing. RAILYARD_BENCH_PYTHON names one that has PyTorch already.
peer_python() {
  local wanted
  wanted=$(sed -n 's/^torch==//p' bench/requirements.txt)
  local python
  local own=$PWD/bench/.venv/bin/python
  for python in "${RAILYARD_BENCH_PYTHON:-}" "$own"; do
    [[ -n $python ]] && have "$python" || continue
    "$python" -c "import sys, torch; sys.exit(torch.__version__.split('+')[0] != '$wanted')" 2>/dev/null || continue
    printf '%s' "$python"
    return
  done
  have python3 || { say "PyTorch is left out: python3 is missing."; return; }
  say "Installing PyTorch $wanted from PyPI into bench/.venv: 4 GB to fetch, 7 GB on disk, since its package brings CUDA"
  if ! python3 -m venv bench/.venv >&2; then
    say "PyTorch is left out: python3 has no venv (Debian: python3-venv)."
    return
  fi
  local pip=(bench/.venv/bin/python -m pip --disable-pip-version-check install --quiet --requirement bench/requirements.txt)
  if "${pip[@]}" >&2; then
    printf '%s' "$own"
  else
    say "PyTorch is left out: pip could not install it; its lines above say why."
  fi
}

need_rust
need_node 20
need_npm_packages
need_chromium

if ! cmp -s bench/package-lock.json bench/node_modules/.railyard-lock; then
  say "Installing TensorFlow.js from npm into bench/node_modules (310 MB)"
  if npm ci --prefix bench --ignore-scripts --no-fund --no-audit --loglevel=error >&2; then
    cp bench/package-lock.json bench/node_modules/.railyard-lock
  else
    say "TensorFlow.js is left out: npm could not install it; its lines above say why."
  fi
fi
python=$(peer_python)

need_command_line
scripts/build.sh
say "Measuring for about a quarter of an hour; what else the machine does shows in the figures"
CHROMIUM=$(command -v chromium) node bench/run.mjs --program "$(target_folder)/release/railyard" ${python:+--python "$python"} "$@"
