#!/usr/bin/env python3
"""Runs what README.md and docs/ tell people to type.

    commands.py BUILD_FOLDER

In every fenced block: a line `saucier …` or `build/saucier …` must exit 0; a line `$ saucier …` must print what follows
it up to the next `$` line or the block's end ('…' alone stands for any lines, stage keys for any key); `make TARGET` must be a target.
A block after `<!-- file: NAME -->` is written to that file, for the commands that follow; the teacher at the address that it
names is a server of this script's own. Blocks of `sql` are asked of the
database, and another `toml` block that names a recipe version must pass `saucier check`. All in a temporary folder where recipes/quickstart.toml
is the quickstart at a size for tests. Standard library only.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEACHER = "http://127.0.0.1:8080/v1"  # as the pages have it
SHORT = """recipe = 1
name = "quickstart"
extends = ["whole.toml"]
[data.captions]
scenes = { count = 32 }
[mixture.instruct]
samples = 32
[[stage]]
name = "bench"
pictures = 2
blind = false
benchmarks = ["scenes-pope"]
[[stage]]
name = "before"
pictures = 2
blind = false
benchmarks = ["scenes-pope"]
[sweep.axes]
"mixture.instruct.weights" = [{ conversation = 0.5, detail = 0.25, reasoning = 0.25 }]
"""


def blocks(text):
    """(line number, language, file to write or None, lines) of every fenced block."""
    found, fence, target = [], None, None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            if fence is None:
                fence = (number, line[3:].strip(), target, [])
            else:
                found.append(fence)
                fence, target = None, None
        elif fence is not None:
            fence[3].append(line)
        elif match := re.fullmatch(r"<!-- file: (\S+) -->", line.strip()):
            target = match[1]
        elif line.strip():
            target = None
    return found


def plain(line):
    return re.sub(r"\b[0-9a-f]{8}\b", "KEY", line).rstrip()


def printed_as_told(told, printed):
    """`told` may leave lines out with '…'."""
    parts, at = [[]], 0
    for line in told:
        if line.strip() == "…":
            parts.append([])
        else:
            parts[-1].append(plain(line))
    printed = [plain(line) for line in printed]
    if len(parts) == 1:
        return parts[0] == printed
    if printed[: len(parts[0])] != parts[0] or (parts[-1] and printed[-len(parts[-1]) :] != parts[-1]):
        return False
    for part in parts:
        while at + len(part) <= len(printed) and printed[at : at + len(part)] != part:
            at += 1
        if at + len(part) > len(printed):
            return False
        at += len(part)
    return True


class Teacher(BaseHTTPRequestHandler):
    """Says of each picture what its first caption says, as the system message wants it laid out."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"]
        caption = asked[-1]["content"].splitlines()[0]
        pair = f"Question:\nWhat does the picture show?\n===\nAnswer:\nIt shows {caption}."
        text = pair if "Question:" in asked[0]["content"] else f"The picture shows {caption}."
        reply = {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9, "completion_tokens": 9}}
        body = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Guide:
    def __init__(self, build, work):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Teacher)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.teacher = f"http://127.0.0.1:{server.server_port}/v1"
        self.work, self.failures, self.ran = work, [], 0
        shutil.copytree(ROOT / "recipes", work / "recipes")
        (work / "recipes/quickstart.toml").rename(work / "recipes/whole.toml")
        (work / "recipes/quickstart.toml").write_text(SHORT)
        (work / "build").symlink_to(build)
        self.env = dict(os.environ, PATH=f"{build}:{os.environ['PATH']}")

    def run(self, place, command, told=None):
        self.ran += 1
        done = subprocess.run(["bash", "-c", command], cwd=self.work, env=self.env, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE if told is None else subprocess.STDOUT)
        if told is None and done.returncode != 0:
            self.failures.append(f"{place}: exit {done.returncode}: {command}\n{done.stderr}")
        if told is not None and not printed_as_told(told, done.stdout.splitlines()):
            self.failures.append(f"{place}: {command}\ntold:\n" + "\n".join(told) + f"\nprinted:\n{done.stdout}")

    def page(self, path):
        name = path.relative_to(ROOT)
        for number, language, target, lines in blocks(path.read_text()):
            place, body = f"{name}:{number}", "\n".join(lines) + "\n"
            if target:
                (self.work / target).parent.mkdir(parents=True, exist_ok=True)
                (self.work / target).write_text(body.replace(TEACHER, self.teacher))
            elif language == "toml" and re.search(r"^recipe = 1\b", body, re.M):
                (self.work / "recipes/from-the-docs.toml").write_text(body)
                self.run(place, "saucier check recipes/from-the-docs.toml")
            if language == "sql":
                (self.work / "ask.sql").write_text(body)
                self.run(place, 'saucier query "$(cat ask.sql)"')
            if language in ("", "sh", "console"):
                self.commands(place, lines)

    def commands(self, place, lines):
        at = 0
        while at < len(lines):
            line, at = lines[at], at + 1
            if line.startswith("$ "):
                end = next((i for i in range(at, len(lines)) if lines[i].startswith("$ ")), len(lines))
                self.run(place, line[2:], lines[at:end])
                at = end
            elif re.match(r"(build/)?saucier [a-z]+ ", line):
                self.run(place, line)
            elif match := re.match(r"make ([a-z-]+)", line):
                self.run(place, f"grep -q '^{match[1]}:' {ROOT}/Makefile")


def main():
    build = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as work:
        guide = Guide(build, Path(work))
        guide.run("set-up", "saucier run recipes/quickstart.toml")
        for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
            guide.page(page)
    for failure in guide.failures:
        print(failure, file=sys.stderr)
    print(f"{guide.ran} commands, {len(guide.failures)} wrong")
    sys.exit(1 if guide.failures else 0)


if __name__ == "__main__":
    main()
