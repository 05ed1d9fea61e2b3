#!/usr/bin/env python3
"""taplo, another program that reads TOML and JSON Schema, agrees with docs/recipe.schema.json: it takes every shipped recipe
by the `#:schema` line at its top, and refuses just those golden cases that schema_test.cpp says a schema can tell.

usage: taplo.py BUILD_FOLDER    (schema_test has left schema-cases.txt there)
"""

import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "docs" / "recipe.schema.json"


def refused(taplo, files, *options):
    """The files that taplo finds fault with. One call for each: its exit code is sure, the last lines it prints are not."""

    def wrong(file):
        done = subprocess.run([taplo, "lint", "--no-auto-config", *options, str(file)], capture_output=True)
        if done.returncode not in (0, 1):
            sys.exit(f"taplo ended with {done.returncode} at {file}:\n{done.stderr.decode()}")
        return done.returncode == 1

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return {file for file, is_wrong in zip(files, pool.map(wrong, files)) if is_wrong}


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    in_venv = build / "venv" / "bin" / "taplo"
    taplo = str(in_venv) if in_venv.exists() else shutil.which("taplo")
    if not taplo:
        sys.exit("taplo is not installed: `make test` puts it into build/venv")
    failures = []

    shipped = sorted((ROOT / "recipes").rglob("*.toml"))
    assert len(shipped) >= 9, shipped
    for recipe in shipped:
        wanted = f"#:schema {os.path.relpath(SCHEMA, recipe.parent)}"
        first = recipe.read_text().split("\n", 1)[0]
        if first != wanted:
            failures.append(f"{recipe.relative_to(ROOT)}: the first line is '{first}', not '{wanted}'")
    failures += [f"taplo refuses {recipe.relative_to(ROOT)}" for recipe in refused(taplo, shipped)]

    # The line does something: with a wrong key below it taplo finds the schema and refuses.
    wrong = build / "taplo-wrong-key.toml"
    wrong.write_text(f"#:schema {os.path.relpath(SCHEMA, build)}\nrecipee = 1\n")
    if not refused(taplo, [wrong]):
        failures.append("the '#:schema' line is not read")

    cases = {True: set(), False: set()}
    for line in (build / "schema-cases.txt").read_text().splitlines():
        word, name = line.split(" ", 1)
        cases[word == "refused"].add(ROOT / "tests" / "golden" / "recipe" / name)
    cases[True].discard(ROOT / "tests" / "golden" / "recipe" / "wrong-type-integer.toml")  # 1e3: an integer to JSON Schema
    assert len(cases[True]) >= 30 and len(cases[False]) >= 30, cases
    found = refused(taplo, sorted(cases[True] | cases[False]), "--schema", SCHEMA.as_uri())
    failures += [f"taplo takes {path.name}" for path in sorted(cases[True] - found)]
    failures += [f"taplo refuses {path.name}" for path in sorted(found - cases[True])]

    for failure in failures:
        print(failure)
    print(f"{len(shipped)} recipes, {len(cases[True])} cases refused, {len(cases[False])} taken, {len(failures)} failures")
    sys.exit(bool(failures))


main()
