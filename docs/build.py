"""Brings the pages up to date with what runs: `python docs/build.py [--check] [--schemas | PAGE.md...]`

Every ```console block of a page is a session: lines that begin with `$ `, or after such a one with `>`, are typed, in
order, in one project for the whole page; what follows is what they print. The project is a copy of `tour/project`, the
model is played from `tour/screenplay.yaml`. What differs from run to run – ids, times, numbers of processes, paths – is
compared by its kind only, and stays as it stands in the page. With --check nothing is written, and the exit code tells
whether a page, or a schema, says something else than what runs.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from pydantic import TypeAdapter

from orchestrator.documents.status_json import StatusJson
from orchestrator.errors import ScreenplayError
from orchestrator.events import Commit, Event, Json
from orchestrator.testing import Screenplay, ScriptedServer

DOCS = Path(__file__).parent
HOME = "/home/me"
"""Where the pages pretend to be."""

_BLOCK = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.DOTALL | re.MULTILINE)
_TYPED = re.compile(r"^\$ .*\n(?:>.*\n)*", re.MULTILINE)
_ID = re.compile(r"\b(?=[A-Z0-9]*\d)(?=[A-Z0-9]*[A-Z])[A-Z0-9]{6}\b")
_IDS = ("K7Q2MX", "M4T9WC", "P6R3DZ", "T2H8VN", "W5J7QB", "X8L4FD", "Z3N6HF")
"""What tasks are called in a page, in the order in which they appear."""
_KINDS = {
    "TIME": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?|\d{4}-\d\d-\d\d|\b(?:\d\d:\d\d:\d\d|\d\d-\d\d \d\d:\d\d)\b",
    "AGE": r"just now|\b\d+ (?:min|h|days?) ago",
    "SECONDS": r"\b\d+\.\d+ s\b|(?<=\"seconds\":)[\d.]+|(?<=\"seconds\": )[\d.]+|(?<=, seconds )\d+",
    "TOKENS": r"\b[\d,]+k? tokens|(?<=tokens )[\d,]+|\d+% from the cache|(?<=Tokens\": )\d+",
    "PROCESS": r"\bpid \d+(?: on \S+)?",
    "DIGEST": r"\b[0-9a-f]{64}\b|(?<=index )[0-9a-f]+\.\.[0-9a-f]+",
    "COST": r"\$\d+\.\d+|(?<=\"costUsd\": )[\d.]+|(?<=\"cost_usd\": )[\d.]+",
    "VERSION": r"(?<=python)\s+3\.\d+\.\d+|(?<=version )\S+",
    "BLANK": r"[ \t]+",
}


def pages(names: list[str]) -> list[Path]:
    """The pages with sessions; those named, or all."""
    found = [DOCS / Path(name).name for name in names] or sorted(DOCS.glob("*.md"))
    return [page for page in found if _BLOCK.search(page.read_text("utf-8"))]


def rebuilt(text: str) -> str:
    """The page with each session as it runs now; a session that says the same is left as it is."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder).resolve()
        shutil.copytree(DOCS / "tour" / "project", home / "project")
        stack.enter_context(suppress(ScreenplayError))  # a page plays what it needs
        server = stack.enter_context(ScriptedServer(Screenplay.load(DOCS / "tour" / "screenplay.yaml")))
        shell = Shell(home, server.url)
        return _BLOCK.sub(lambda block: _session(block[0], shell), text)


def _session(block: str, shell: Shell) -> str:
    typed = _TYPED.findall(block)
    said = "".join(lines + shell.run(re.sub(r"(?m)^[$>] ?", "", lines)) for lines in typed)
    return block if _normal(said) == _normal(block) else said


class Shell:
    """Types commands in the project of a page, and tells what they print, as the page would have it."""

    def __init__(self, home: Path, url: str) -> None:
        self._home = home
        self._names: dict[str, str] = {}
        self._directory = home / "project"
        self._environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "COLUMNS": "80",
            "PYTHONDONTWRITEBYTECODE": "1",
            "ANTHROPIC_API_KEY": "any",
            "ANTHROPIC_BASE_URL": url,
        }

    def run(self, command: str) -> str:
        """What it prints, both streams in the order they were written."""
        real = {shown: drawn for drawn, shown in self._names.items()}
        typed = _ID.sub(lambda name: real.get(name[0], name[0]), command)
        ended = subprocess.run(
            ["bash", "-c", typed],
            cwd=self._directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        self._learn()
        said = ended.stdout.decode("utf-8", "replace").replace(str(self._home), HOME)
        said = said.replace(f" on {socket.gethostname()}", " on laptop")
        return _ID.sub(lambda name: self._names.get(name[0], name[0]), said)

    def _learn(self) -> None:
        """Name the tasks that are new."""
        journals = self._directory.glob(".temp/.orchestrator/journal/**/*.jsonl")
        new = {path.stem: path for path in journals if path.stem not in self._names}
        for drawn in sorted(new, key=lambda name: json.loads(new[name].open().readline())["at"]):
            self._names[drawn] = _IDS[len(self._names)]


def _normal(text: str) -> str:
    for kind, pattern in _KINDS.items():
        text = re.sub(pattern, " " if kind == "BLANK" else kind, text)
    return text


def schemas() -> Iterator[tuple[Path, str]]:
    """The JSON Schemas of what is on disk, generated from the models."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    described = {"task-status": TypeAdapter(StatusJson).json_schema(), "journal-line": _journal_line()}
    for name, schema in described.items():
        text = json.dumps({**dialect, **schema}, indent=2, ensure_ascii=False)
        yield DOCS / "schemas" / f"{name}.schema.json", text + "\n"


def _journal_line() -> Json:
    """A commit, as its line holds it: events say their type, defaults are left out, `v` comes first and `sum` last."""
    schema = Commit.model_json_schema(mode="validation", ref_template="#/$defs/{model}")
    shapes = schema.setdefault("$defs", {})
    for name, kind in sorted(Event.kinds.items()):
        shape = kind.model_json_schema(ref_template="#/$defs/{model}")
        shapes.update(shape.pop("$defs", {}))
        shape["properties"] = {"type": {"const": name}, **shape.get("properties", {})}
        shape["required"] = ["type", *shape.get("required", [])]
        shapes[name] = shape
    shapes["Event"] = {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in sorted(Event.kinds)]}
    digest = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    said = "SHA-256 over the `sum` of the line before and this line up to the comma before `sum`"
    schema["properties"] = {"v": {"const": 1}, **schema["properties"], "sum": {**digest, "description": said}}
    schema["required"] = ["v", *schema["required"], "sum"]
    return schema


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    names = [word for word in arguments if word.endswith(".md")]
    wanted = [] if "--schemas" in arguments else [(page, rebuilt(page.read_text("utf-8"))) for page in pages(names)]
    wanted += [] if names else schemas()
    stale = 0
    for path, text in wanted:
        old = path.read_text("utf-8") if path.exists() else ""
        if text == old:
            continue
        stale = 1
        if check:
            rows = difflib.unified_diff(old.splitlines(), text.splitlines(), str(path), "what runs", lineterm="", n=1)
            print("\n".join(rows))
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"{path} brought up to date")
    return stale if check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
