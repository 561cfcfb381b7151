#!/usr/bin/env python3
"""Measures which lines of chirp-runtime its tests run, and fails below the bounds.

    tools/coverage.py                     build the suites with instrumentation, run them, and print a table
    tools/coverage.py --only rpc streams  run these suites alone, and add to what earlier runs have covered
    tools/coverage.py --report            print the table of earlier runs
    tools/coverage.py --missing session   print the lines of a folder or a file that no run has covered

Needs the component llvm-tools of rustup, which is installed if it is missing. Lines of tests do not count.
"""
import argparse
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ROOT / "chirp-runtime/src"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "coverage"
PROFILES = TARGET / "profiles"
PROGRAMS = TARGET / "programs"

# The least share of lines, in percent: of each of these folders, and of all others together.
FOLDERS = {"packet": 95, "session": 95, "codec": 95}
OTHERS = 90

# Suites of chirp-runtime, of its targets for fuzzing and of `tests/`. Those that compile programs or measure are left out.
RUNTIME = "addresses description_differences model packet session shape_differences shape_values shapes vectors".split()
SUITES = ("deferred_memory durations http jsonrpc layers limits logs node node_leaks record reflect resource_leaks rpc server "
          "simulation spans streams tls transport websocket wire").split()


def environment():
    """Returns the environment of a build with instrumentation, and of the programs that it makes."""
    wrapper = TARGET / "rustc"
    TARGET.mkdir(parents=True, exist_ok=True)
    wrapper.write_text('#!/bin/sh\nexec "$@" -C instrument-coverage\n')
    wrapper.chmod(0o755)
    return dict(
        os.environ,
        CARGO_TARGET_DIR=str(TARGET),
        CARGO_INCREMENTAL="0",
        CARGO_PROFILE_DEV_DEBUG="0",
        # Members of the workspace alone: dependencies run as fast as without.
        RUSTC_WORKSPACE_WRAPPER=str(wrapper),
        LLVM_PROFILE_FILE=str(PROFILES / "%4m.profraw"),
    )


def run_suites(only):
    """Runs the suites. Returns `False` if a test failed."""
    env = environment()
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    PROFILES.mkdir(exist_ok=True)
    packages = ["-p", "chirp-runtime", "-p", "chirp", "-p", "chirp-fuzz-targets", "--all-features"]
    if not only:
        shutil.rmtree(PROGRAMS)
        shutil.rmtree(PROFILES)
        PROGRAMS.mkdir()
        # Some tests start them.
        subprocess.run(["cargo", "build", "--examples", *packages], cwd=ROOT, env=env, check=True)
    suites = only or ["lib", "corpus", *RUNTIME, *SUITES]
    chosen = ["--lib" if suite == "lib" else f"--test={suite}" for suite in suites]
    command = ["cargo", "test", "--no-fail-fast", *chosen, *packages]
    listed = subprocess.run([*command, "--no-run"], cwd=ROOT, env=env, check=True, stderr=subprocess.PIPE, text=True).stderr
    for program in re.findall(r"Executable .*\((.*)\)", listed):
        source = ROOT / program
        copy = PROGRAMS / source.name.rsplit("-", 1)[0]
        copy.unlink(missing_ok=True)
        copy.symlink_to(source)
    return subprocess.run(command, cwd=ROOT, env=env).returncode == 0


def tool(name):
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    found = list(pathlib.Path(sysroot).glob(f"lib/rustlib/*/bin/{name}"))
    if not found:
        subprocess.run(["rustup", "component", "add", "llvm-tools"], check=True)
        found = list(pathlib.Path(sysroot).glob(f"lib/rustlib/*/bin/{name}"))
    return str(found[0])


def covered_lines():
    """Returns, for each source of the runtime, its lines with code, each with the number of times that it was run."""
    profiles = list(PROFILES.glob("*.profraw"))
    return line_counts(sorted(PROGRAMS.iterdir()), profiles, TARGET / "merged.profdata", SOURCES)


def line_counts(programs, profiles, merged, folder):
    """Returns, for each source in a folder, its lines with code, each with the number of times that the programs ran it."""
    merge = [tool("llvm-profdata"), "merge", "--sparse", "--failure-mode=all", "-o", str(merged)]
    subprocess.run([*merge, *map(str, profiles)], check=True)
    objects = [argument for program in programs for argument in ("-object", str(program))]
    command = [tool("llvm-cov"), "export", "--format=lcov", f"--instr-profile={merged}", *objects[1:]]
    exported = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    sources = collections.defaultdict(dict)
    source = None
    for line in exported.splitlines():
        if line.startswith("SF:"):
            # A path may lead through the folder of a target that includes the source.
            source = pathlib.Path(line[3:]).resolve()
        elif line.startswith("DA:") and source.is_relative_to(folder):
            number, count = line[3:].split(",")[:2]
            number = int(number)
            sources[source][number] = max(sources[source].get(number, 0), int(count))
    return {source: without_tests(source, lines) for source, lines in sources.items() if not is_test(source)}


def is_test(source):
    return source.name == "tests.rs" or "tests" in source.parts


def without_tests(source, lines):
    text = source.read_text().splitlines()
    end = next((at for at, line in enumerate(text) if line.startswith("#[cfg(test)]")), len(text))
    return {number: count for number, count in lines.items() if number <= end}


def report(sources):
    """Prints the table. Returns `False` if a bound is not kept."""
    rows = collections.defaultdict(lambda: [0, 0])
    for source, lines in sources.items():
        parts = source.relative_to(SOURCES).parts
        folder = parts[0] if len(parts) > 1 else "(root)"
        names = [folder, "all others" if folder not in FOLDERS else None]
        if folder == "peer" and len(parts) > 2:
            names.append(f"  peer/{parts[1]}")
        for name in filter(None, names):
            rows[name][0] += len(lines)
            rows[name][1] += sum(count > 0 for count in lines.values())
    kept = True
    print(f"{'folder':<20}{'lines':>8}{'run':>8}{'share':>9}{'bound':>8}")
    order = sorted(rows, key=lambda name: (name == "all others", name.strip(), name))
    for name in order:
        total, run = rows[name]
        share = 100 * run / total
        bound = FOLDERS.get(name, OTHERS if name == "all others" else None)
        kept &= bound is None or share >= bound
        print(f"{name:<20}{total:>8}{run:>8}{share:>8.1f}%{f'{bound} %' if bound else '':>8}")
    return kept


def show_missing(sources, prefix, root=SOURCES):
    for source in sorted(sources):
        name = str(source.relative_to(root))
        if not name.startswith(prefix):
            continue
        text = source.read_text().splitlines()
        for number, count in sorted(sources[source].items()):
            if count == 0:
                print(f"{name}:{number}: {text[number - 1].strip()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="SUITE")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--missing", metavar="PREFIX")
    arguments = parser.parse_args()
    passed = True
    if not (arguments.report or arguments.missing):
        passed = run_suites(arguments.only)
    sources = covered_lines()
    if arguments.missing:
        show_missing(sources, arguments.missing)
        return
    kept = report(sources)
    if not passed:
        sys.exit("a test failed")
    if not kept:
        sys.exit("coverage is below a bound")


if __name__ == "__main__":
    main()
