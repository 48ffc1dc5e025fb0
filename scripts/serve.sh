#!/usr/bin/env bash
# Builds the page and serves it, on port 8080 or the one in PORT.
source "$(dirname "$0")/lib.sh"

scripts/build.sh
exec node scripts/serve.mjs --root dist --port "${PORT:-8080}"
