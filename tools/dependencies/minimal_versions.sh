#!/usr/bin/env bash
# Checks that what is published builds with the lowest versions of its dependencies that Cargo.toml allows. An older version
# that does not build, or lacks a feature, must be excluded there: raise the bound.
#
# Needs a nightly toolchain for cargo's choice of versions alone: the compiler is the usual one. Dependencies of dependencies have
# their newest versions, since many of their bounds are too low.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! rustup toolchain list 2>/dev/null | grep -q ^nightly; then
    echo "no nightly toolchain: the lowest versions of dependencies were not checked"
    exit 0
fi

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")/minimal
rm -rf "$target/source"
mkdir -p "$target/source"
# A copy, since the lock file is written anew. Files that are not yet committed count, too.
git ls-files -z -- ':!bench' ':!findings' ':!typescript' | xargs -0 cp --parents --target-directory "$target/source"
cd "$target/source"

cargo +nightly -Z direct-minimal-versions generate-lockfile --quiet
CARGO_TARGET_DIR=$target cargo check --quiet --locked --all-features \
    -p chirp -p chirp-runtime -p chirp-macros -p chirp-web -p chirp-nats -p chirp-cli
echo "the lowest versions of all dependencies build"
