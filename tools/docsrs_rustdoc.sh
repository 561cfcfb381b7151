#!/bin/sh
# rustdoc as docs.rs calls it: with unstable attributes, which say what feature an item needs. For the variable RUSTDOC: the
# compiler, and so the build scripts of dependencies, stay as they are.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
