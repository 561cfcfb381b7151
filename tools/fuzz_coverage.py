#!/usr/bin/env python3
"""Measures which lines of the code under test each fuzz target runs on its corpus.

    tools/fuzz_coverage.py                     build the targets with instrumentation, run them, and print a table
    tools/fuzz_coverage.py packets session     the same for these targets alone
    tools/fuzz_coverage.py --missing packets   print the lines under test that the target does not run

Only the checked-in inputs are run, without mutations. Needs what tools/coverage.py needs.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys

from coverage import ROOT, TARGET, environment, line_counts, show_missing

RUNS = TARGET / "fuzz"

# The code under test of each target: a folder, and the parts of it that count, or, after a `-`, those that do not.
UNDER_TEST = {
    "captures": ("chirp-runtime/src/capture", "-writer.rs -splitter.rs"),
    "codecs": (
        "chirp-runtime/src/codec",
        "bincode.rs postcard.rs json.rs json messagepack guarded.rs limited.rs numbering.rs reader.rs whole.rs writer",
    ),
    "endpoints": ("chirp-runtime/src/channel/endpoint", "parse.rs words.rs other.rs"),
    "gateway": (
        "chirp-web/src",
        "http origin_policy.rs -http/deferred -http/server.rs -http/client_io.rs -http/authenticate.rs -http/gateway_url.rs "
        "-http/stream_url.rs -http/base_url.rs",
    ),
    "json_calls": (
        "chirp-runtime/src",
        "codec/decoder.rs codec/json.rs codec/json peer/server/json_form.rs service/described_service.rs dynamic/describe.rs",
    ),
    "json_rpc": ("chirp-web/src/jsonrpc", "-address.rs -scheme.rs"),
    "macro_input": ("chirp-macros/src", "-lib.rs"),
    "packets": ("chirp-runtime/src/packet", "-payload.rs -stream/run.rs -foreign.rs -reserved.rs"),
    "session": ("chirp-runtime/src/session", ""),
    "two_sessions": ("chirp-runtime/src/session", ""),
}


def build():
    """Builds the tests of the corpora. Returns their programs by name."""
    command = ["cargo", "test", "--no-run", "--workspace", "--all-features", "--test=corpus", "--test=macro_input"]
    # The compiler runs macros that are instrumented, too.
    env = dict(environment(), LLVM_PROFILE_FILE=str(RUNS / "build-%4m.profraw"))
    built = subprocess.run(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)
    if built.returncode:
        sys.exit(built.stderr)
    programs = re.findall(r"Executable .*\((.*)\)", built.stderr)
    return {(ROOT / program).name.rsplit("-", 1)[0]: ROOT / program for program in programs}


def measure(target, programs):
    """Runs a target on its corpus. Returns the lines under test, each with the number of times that it was run."""
    program = programs.get(target, programs["corpus"])
    folder = RUNS / target
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    profile = folder / "corpus.profraw"
    env = dict(os.environ, CHIRP_FUZZ_RUNS="0", LLVM_PROFILE_FILE=str(profile))
    # The tests of the other targets do not count.
    tests = [] if target in programs else ["--exact", target]
    subprocess.run([program, "--quiet", *tests], cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
    counts = line_counts([program], [profile], folder / "corpus.profdata", ROOT)
    return {source: lines for source, lines in counts.items() if is_under_test(target, source)}


def is_under_test(target, source):
    folder, parts = UNDER_TEST[target]
    if not source.is_relative_to(ROOT / folder):
        return False
    within = [(part, source.is_relative_to(ROOT / folder / part.removeprefix("-"))) for part in parts.split()]
    if any(is_in for part, is_in in within if part.startswith("-")):
        return False
    wanted = [is_in for part, is_in in within if not part.startswith("-")]
    return not wanted or any(wanted)


def described(target):
    folder, parts = UNDER_TEST[target]
    wanted = [f"`{part}`" for part in parts.split() if not part.startswith("-")]
    left_out = [f"`{part[1:]}`" for part in parts.split() if part.startswith("-")]
    text = f"`{folder}`"
    if wanted:
        text += f": {', '.join(wanted)}"
    if left_out:
        text += f", without {', '.join(left_out)}"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--missing", action="store_true")
    arguments = parser.parse_args()
    if unknown := set(arguments.targets) - set(UNDER_TEST):
        parser.error(f"unknown targets: {', '.join(sorted(unknown))} (there are {', '.join(UNDER_TEST)})")
    programs = build()
    if not arguments.missing:
        print("| target | inputs | code under test | lines | run | share |")
        print("|---|---|---|---|---|---|")
    for target in arguments.targets or UNDER_TEST:
        sources = measure(target, programs)
        if arguments.missing:
            show_missing(sources, "", ROOT)
            continue
        total = sum(len(lines) for lines in sources.values())
        run = sum(count > 0 for lines in sources.values() for count in lines.values())
        inputs = len(list((ROOT / "fuzz/corpus" / target).iterdir()))
        share = 100 * run / total
        print(f"| `{target}` | {inputs} | {described(target)} | {total} | {run} | {share:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
