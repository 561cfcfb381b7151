#!/usr/bin/env bash
# Counts the instructions of one call, client and server together, and compares them with the checked-in figures, one line
# for each mode: `plain`, `context` with a trace and an entry of metadata, which may cost 25 % more, and `concurrent` with 64
# callers at once. A figure is the difference of two runs. On a busy machine a handler may be preempted for so long that its
# method counts as slow, which adds up to four per cent to a run: if a figure is over the checked-in one or far below it, both
# runs are repeated, up to five times, and the lowest counts are used.
# `instructions.sh --keep` stores the new figures.
set -euo pipefail
cd "$(dirname "$0")"

calls=2000
tolerance=2 # per cent

if ! command -v valgrind >/dev/null; then
    echo "instructions: valgrind is not installed: skipped"
    exit 0
fi

# Builds without the other systems.
cargo build --quiet --release --locked --no-default-features --bin instructions
program=$(cargo metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/instructions

# Counts the instructions of a run with this many calls. A fixed seed makes hash maps and addresses the same in
# every run.
count() {
    setarch --addr-no-randomize valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$2" 2>&1 |
        sed -n 's/.*Collected *: *\([0-9]*\).*/\1/p'
}

# Counts the instructions of a call of this mode, of which the second argument is the expected number.
per_call() {
    local few many now again
    few=$(count "$calls" "$1")
    many=$(count $((2 * calls)) "$1")
    for _ in 1 2 3 4; do
        now=$(((many - few) / calls))
        if [ "$now" -le "$2" ] && [ "$now" -ge $(($2 * (100 - tolerance) / 100)) ]; then
            break
        fi
        again=$(count "$calls" "$1")
        few=$((again < few ? again : few))
        again=$(count $((2 * calls)) "$1")
        many=$((again < many ? again : many))
    done
    echo $(((many - few) / calls))
}

failed=0
: >instructions.new
while read -r mode kept; do
    if [ "${1:-}" = --keep ]; then
        kept=$(per_call "$mode" 0)
    fi
    now=$(per_call "$mode" "$kept")
    echo "$mode $kept" >>instructions.new
    most=$((kept * (100 + tolerance) / 100))
    least=$((kept * (100 - tolerance) / 100))
    echo "instructions: $now per call ($mode), $kept checked in"
    if [ "$now" -gt "$most" ]; then
        echo "instructions: that is over $tolerance % more. Find out why, or run bench/instructions.sh --keep and say why"
        failed=1
    elif [ "$now" -lt "$least" ]; then
        echo "instructions: that is over $tolerance % fewer: run bench/instructions.sh --keep, so that it stays so"
    fi
    if [ "$mode" = plain ]; then
        plain=$now
    elif [ "$mode" = context ] && [ "$now" -gt $((plain * 125 / 100)) ]; then
        echo "instructions: a trace and an entry of metadata cost over 25 %"
        failed=1
    fi
done <instructions.txt
if [ "${1:-}" = --keep ]; then
    mv instructions.new instructions.txt
fi
rm -f instructions.new
exit "$failed"
