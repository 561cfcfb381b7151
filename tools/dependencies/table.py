#!/usr/bin/env python3
"""Writes the tables of DEPENDENCIES.md from Cargo.toml and the sources of the crates: tools/dependencies/table.py

Needs the sources of all dependencies, as after `cargo fetch`. With --check, fails if the document is out of date.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "DEPENDENCIES.md"
# The crates that users depend on, apart from the program.
PUBLISHED = ["chirp", "chirp-runtime", "chirp-macros", "chirp-web", "chirp-nats"]
BEGIN, END = "<!-- generated -->\n", "<!-- end -->\n"


def purposes():
    """What Cargo.toml says of each workspace dependency, without those of the program and of tests."""
    text = (ROOT / "Cargo.toml").read_text()
    text = text.split("[workspace.dependencies]")[1].split("\n[")[0]
    found = {}
    for line in text.splitlines():
        entry = re.match(r"^([a-z0-9_-]+) = .*?\s#\s(.*)$", line)
        if entry:
            found[entry[1]] = entry[2]
    return found


def normal(package):
    return [entry["name"] for entry in package["dependencies"] if entry["kind"] is None]


def main():
    command = ["cargo", "metadata", "--format-version", "1", "--all-features", "--locked"]
    command += ["--filter-platform", "x86_64-unknown-linux-gnu"]
    metadata = json.loads(subprocess.check_output(command, cwd=ROOT))
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    own = [id for id, package in packages.items() if package["name"] in PUBLISHED]
    direct, reached, queue = set(), set(), list(own)
    while queue:
        id = queue.pop()
        for dependency in nodes[id]["deps"]:
            if all(kind["kind"] is not None for kind in dependency["dep_kinds"]):
                continue
            other = dependency["pkg"]
            if id in own and other not in own:
                direct.add(other)
            if other not in reached:
                reached.add(other)
                queue.append(other)
    said = purposes()
    rows = {True: [], False: []}
    for id in sorted(reached - set(own), key=lambda id: (packages[id]["name"], packages[id]["version"])):
        package = packages[id]
        name, sources = package["name"], pathlib.Path(package["manifest_path"]).parent / "src"
        lines = [line for path in sources.rglob("*.rs") for line in path.read_text(errors="replace").splitlines()]
        code = [line for line in lines if not line.lstrip().startswith("//")]
        unsafe = sum(len(re.findall(r"\bunsafe\b(?!_)", line)) for line in code if "unsafe_code" not in line)
        cells = [f"`{name}`", package["version"], (package["license"] or "").replace("/", " OR "), str(unsafe)]
        if id in direct:
            cells.append(said.get(name, ""))
        rows[id in direct].append("| " + " | ".join(cells) + " |\n")
    table = "| crate | version | licence | `unsafe` | why |\n|---|---|---|---|---|\n" + "".join(rows[True])
    table += f"\nThrough these, {len(rows[False])} others:\n\n"
    table += "| crate | version | licence | `unsafe` |\n|---|---|---|---|\n" + "".join(rows[False])
    old = DOCUMENT.read_text()
    before, rest = old.split(BEGIN)
    new = before + BEGIN + "\n" + table + "\n" + END + rest.split(END)[1]
    if "--check" in sys.argv:
        sys.exit("DEPENDENCIES.md is out of date: run tools/dependencies/table.py" if new != old else 0)
    DOCUMENT.write_text(new)


main()
