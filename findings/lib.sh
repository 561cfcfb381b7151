# Shared by the scripts in this folder: a temporary folder, pinned public packages, and a comparison of outputs.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# npm_install PACKAGE@VERSION..
npm_install() {
    npm init -y >/dev/null
    npm install --silent --no-audit --no-fund --ignore-scripts "$@" >/dev/null
}

# pip_install PACKAGE==VERSION.. (imported with PYTHONPATH)
pip_install() {
    python3 -m pip install --quiet --disable-pip-version-check --target "$work/site" "$@" >/dev/null 2>&1
    export PYTHONPATH="$work/site"
}

# expect TEXT: compares standard input with TEXT, shows the difference and fails if there is one.
expect() {
    cat >actual
    printf '%s\n' "$1" >expected
    cat actual
    diff -u expected actual || { echo "the behaviour has changed" >&2; exit 1; }
}

# deb_install PACKAGE=VERSION..: unpacks Debian packages below $work/root and puts their programs in PATH.
deb_install() {
    apt-get download -qq "$@" 2>/dev/null || { echo "cannot download $*" >&2; exit 1; }
    for package in ./*.deb; do dpkg -x "$package" root; done
    export PATH="$work/root/usr/bin:$work/root/bin:$PATH"
    export LD_LIBRARY_PATH="$work/root/usr/lib/$(uname -m)-linux-gnu:$work/root/lib/systemd"
}

# start_nats OPTION..: starts a pinned nats-server on a free port of the loopback interface and sets $nats_url.
start_nats() {
    deb_install nats-server=2.9.10-1+b3
    export PATH="$work/root/usr/sbin:$PATH"
    nats-server --addr 127.0.0.1 --port -1 --ports_file_dir "$work" "$@" >nats.log 2>&1 &
    trap 'kill %1 2>/dev/null || true; rm -rf "$work"' EXIT
    until ls "$work"/nats-server_*.ports >/dev/null 2>&1; do sleep 0.05; done
    nats_url=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["nats"][0])' "$work"/nats-server_*.ports)
    export nats_url
}

# cargo_run DEPENDENCY..: builds the Rust program on standard input with lines of dependencies for Cargo.toml, and runs it.
cargo_run() {
    mkdir -p src
    cat >src/main.rs
    printf '%s\n' '[package]' 'name = "finding"' 'version = "0.0.0"' 'edition = "2021"' '[dependencies]' "$@" >Cargo.toml
    CARGO_TARGET_DIR="$work/target" cargo run --quiet
}
