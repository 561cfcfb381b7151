#!/usr/bin/env python3
"""Writes the tables of DEPENDENCIES.md from Cargo.toml and the sources of the crates: tools/dependencies/table.py

Needs the sources of all dependencies, as after `cargo fetch`. The months of releases are those in cargo's copy of the index of
the registry, as after `cargo update --dry-run`; a month that is not there stays as it is in the document. With --check, fails
if the document is out of date, apart from the months of the newest releases.
"""

import json
import os
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


def index_entries(name):
    """What cargo has stored of the registry's index about a crate: an entry for each version."""
    lower = name.lower()
    folder = {1: "1", 2: "2", 3: f"3/{lower[0]}"}.get(len(lower)) or f"{lower[:2]}/{lower[2:4]}"
    home = pathlib.Path(os.environ.get("CARGO_HOME") or pathlib.Path.home() / ".cargo")
    for path in home.glob(f"registry/index/*/.cache/{folder}/{lower}"):
        parts = path.read_bytes().split(b"\0")
        return [json.loads(part) for part in parts if part.startswith(b"{")]
    return []


def releases(name, version, old):
    """The months of the first release of a crate, of the version that is used, and of the newest one."""
    # Pre-releases and withdrawn versions are releases, too: they tell that somebody works on the crate.
    months = {entry["vers"]: entry.get("pubtime", "")[:7] for entry in index_entries(name)}
    known = sorted(month for month in months.values() if month)
    used = months.get(version, "").strip()
    if not known or not used:
        return old.get((name, version), ("?", "?", "?"))
    return known[0], used, known[-1]


def written(document):
    """The months in the document."""
    found = {}
    for line in document.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) >= 7 and cells[0].startswith("`"):
            found[cells[0].strip("`"), cells[1]] = tuple(cells[4:7])
    return found


def without_newest(document):
    """The document without the months of the newest releases, which change while the project does not."""
    return re.sub(r"^(\| `(?:[^|]*\|){6})[^|]*\|", r"\1 |", document, flags=re.MULTILINE)


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
    old = DOCUMENT.read_text()
    months = written(old)
    rows = {True: [], False: []}
    for id in sorted(reached - set(own), key=lambda id: (packages[id]["name"], packages[id]["version"])):
        package = packages[id]
        name, sources = package["name"], pathlib.Path(package["manifest_path"]).parent / "src"
        lines = [line for path in sources.rglob("*.rs") for line in path.read_text(errors="replace").splitlines()]
        code = [line for line in lines if not line.lstrip().startswith("//")]
        unsafe = sum(len(re.findall(r"\bunsafe\b(?!_)", line)) for line in code if "unsafe_code" not in line)
        cells = [f"`{name}`", package["version"], (package["license"] or "").replace("/", " OR "), str(unsafe)]
        cells += releases(name, package["version"], months)
        if id in direct:
            cells.append(said.get(name, ""))
        rows[id in direct].append("| " + " | ".join(cells) + " |\n")
    head, rule = "| crate | version | licence | `unsafe` | first | used | newest |", "|---|---|---|---|---|---|---|"
    table = f"{head} why |\n{rule}---|\n" + "".join(rows[True])
    table += f"\nThrough these, {len(rows[False])} others:\n\n"
    table += f"{head}\n{rule}\n" + "".join(rows[False])
    before, rest = old.split(BEGIN)
    new = before + BEGIN + "\n" + table + "\n" + END + rest.split(END)[1]
    if "--check" in sys.argv:
        is_old = without_newest(new) != without_newest(old)
        sys.exit("DEPENDENCIES.md is out of date: run tools/dependencies/table.py" if is_old else 0)
    DOCUMENT.write_text(new)


main()
