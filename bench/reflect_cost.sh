#!/usr/bin/env bash
# Measures what the feature `reflect` adds to a service of 100 methods: the size of the stripped program, and the processor time
# to build the crate of the service. Both programs are built with the features `json` and `tracing`, in cargo's default release profile.
set -euo pipefail
cd "$(dirname "$0")"
chirp=$(realpath ..)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CARGO_TARGET_DIR="$work/target" CARGO_INCREMENTAL=0
mkdir -p "$work/src"

cat >"$work/Cargo.toml" <<TOML
[package]
name = "hundred"
version = "0.0.0"
edition = "2024"

[workspace]

[features]
reflect = ["chirp/reflect"]

[dependencies]
chirp = { path = "$chirp", features = ["json"] }
serde = { version = "1", features = ["derive"] }
tokio = { version = "1", features = ["full"] }
TOML
cp ../Cargo.lock "$work/Cargo.lock"

# Ten methods of each of ten types of their own, and of common types.
{
    echo 'use serde::{Deserialize, Serialize};'
    for kind in 0 1 2 3 4 5 6 7 8 9; do
        cat <<RUST
/// An order of kind $kind.
#[derive(Serialize, Deserialize)]
pub struct Order$kind { id: u64, customer: String, lines: Vec<Line$kind>, note: Option<String>, state: State$kind }
#[derive(Serialize, Deserialize)]
pub struct Line$kind { article: String, count: u32, price: f64 }
#[derive(Serialize, Deserialize)]
pub enum State$kind { Open, Paid { at: u64 }, Sent(String) }
RUST
    done
    echo '/// A service of 100 methods.'
    echo '#[chirp::service]'
    echo 'pub trait Hundred {'
    for kind in 0 1 2 3 4 5 6 7 8 9; do
        cat <<RUST
    /// Places an order.
    async fn place$kind(&self, order: Order$kind, urgent: bool) -> u64;
    async fn find$kind(&self, id: u64) -> Option<Order$kind>;
    async fn list$kind(&self, from: u64, count: u32) -> Vec<Order$kind>;
    async fn name$kind(&self, id: u64, name: &str) -> String;
    async fn cancel$kind(&self, id: u64) -> Result<(), String>;
    async fn lines$kind(&self, lines: Vec<Line$kind>) -> f64;
    async fn state$kind(&self, state: State$kind) -> State$kind;
    async fn blob$kind(&self, data: &[u8]) -> Vec<u8>;
    async fn sum$kind(&self, a: i64, b: i64) -> (i64, i64);
    async fn ping$kind(&self);
RUST
    done
    echo '}'
    echo 'struct Shop;'
    echo 'impl Hundred for Shop {'
    for kind in 0 1 2 3 4 5 6 7 8 9; do
        cat <<RUST
    async fn place$kind(&self, order: Order$kind, urgent: bool) -> u64 { order.id + u64::from(urgent) }
    async fn find$kind(&self, _: u64) -> Option<Order$kind> { None }
    async fn list$kind(&self, _: u64, _: u32) -> Vec<Order$kind> { Vec::new() }
    async fn name$kind(&self, _: u64, name: &str) -> String { name.to_owned() }
    async fn cancel$kind(&self, _: u64) -> Result<(), String> { Ok(()) }
    async fn lines$kind(&self, lines: Vec<Line$kind>) -> f64 { lines.iter().map(|line| line.price * f64::from(line.count)).sum() }
    async fn state$kind(&self, state: State$kind) -> State$kind { state }
    async fn blob$kind(&self, data: &[u8]) -> Vec<u8> { data.to_vec() }
    async fn sum$kind(&self, a: i64, b: i64) -> (i64, i64) { (a + b, a - b) }
    async fn ping$kind(&self) {}
RUST
    done
    cat <<'RUST'
}

#[tokio::main]
async fn main() {
    let builder = chirp::Server::builder().service(HundredServer::new(Shop));
    #[cfg(feature = "reflect")]
    let builder = builder.reflect();
    builder.bind("tcp://127.0.0.1:0").await.unwrap().run().await;
}
RUST
} >"$work/src/main.rs"

# Prints the size of the stripped program in bytes, and the lowest of three processor times of building its crate in milliseconds.
measure() {
    local features=$1 least=999999999 before spent
    cargo build --quiet --release --manifest-path "$work/Cargo.toml" ${features:+--features "$features"}
    for _ in 1 2 3; do
        touch "$work/src/main.rs"
        children
        before=$spent
        cargo build --quiet --release --manifest-path "$work/Cargo.toml" ${features:+--features "$features"}
        children
        if ((spent - before < least)); then least=$((spent - before)); fi
    done
    strip -o "$work/stripped" "$CARGO_TARGET_DIR/release/hundred"
    echo "$(stat -c %s "$work/stripped") $least"
}

# Sets `spent` to the processor time of the ended children of this shell, in milliseconds.
children() {
    times >"$work/times"
    spent=$(tail -1 "$work/times" | tr 'ms' '  ' | awk '{ printf "%d", ($1 * 60 + $2 + $3 * 60 + $4) * 1000 }')
}

report() {
    local name=$1 without=$2 with=$3 unit=$4
    awk -v name="$name" -v a="$without" -v b="$with" -v unit="$unit" \
        'BEGIN { printf "%-16s %9d %s without, %9d %s with reflect: %+.1f %%\n", name, a, unit, b, unit, (b / a - 1) * 100 }'
}

read -r size time < <(measure "")
read -r size_with time_with < <(measure reflect)
report "size" "$size" "$size_with" bytes
report "processor time" "$time" "$time_with" ms
