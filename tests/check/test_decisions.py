"""Decisions that no other document tells of: each one that is put in is found, in whatever words of the project."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from orchestrator.check import Finding, check
from orchestrator.documents import identify

from .test_corpus import FOLDER
from .trees import adopted, by_hand, ours

LINES = 5
AT = "2025-10-30T09:30:00Z"


def decide(path: Path, decisions: list[str]) -> None:
    data: dict[str, Any] = json.loads(path.read_text())
    rows = data.setdefault("decisions", [])
    rows += [{"timestamp": AT, "decision": said} for said in decisions]
    path.write_text(json.dumps(data, indent=2))


def lone(path: Path) -> dict[int | None, Finding]:
    """What is found of a status document, by its line."""
    temp = path.parent.parent if path.parent.name == "completed" else path.parent
    found = (one for one in check(temp, str(temp)).findings if one.rule == "lone-decision")
    return {one.witnesses[0].line: one for one in found if one.witnesses[0].path == str(path)}


def passages(path: Path) -> list[str]:
    """Each five lines that follow each other, without empty ones."""
    lines = [line for line in path.read_text().splitlines() if line.strip()]
    return ["\n".join(lines[first : first + LINES]) for first in range(max(1, len(lines) - LINES + 1))]


def told(said: str, documents: list[Path]) -> bool:
    """True when all the words stand together somewhere, whatever their ends."""
    singular = [word.removesuffix("s") for word in said.split()]
    ends = ["" if len(word) >= 6 else r"s?(?![^\W_])" for word in singular]
    words = [re.compile(rf"(?<![^\W_]){word[:6]}{end}", re.I) for word, end in zip(singular, ends, strict=True)]
    return any(all(word.search(text) for word in words) for path in documents for text in passages(path))


def readable(temp: Path) -> dict[str, list[Path]]:
    """The documents of each task whose words count, its status document first."""
    found: dict[str, list[Path]] = {}
    for path in sorted(temp.rglob("*"), key=lambda path: (path.suffix != ".json", path)):
        identity = identify(path.name)
        if identity and identity[0] != "checklist" and ".orchestrator" not in path.parts:
            found.setdefault(identity[1], []).append(path)
    return {task: paths for task, paths in found.items() if paths[0].suffix == ".json" and paths[1:]}


@pytest.mark.parametrize("tree", [by_hand, adopted, ours])
def test_a_decision_of_the_folder_s_own_words_is_found_unless_they_all_stand_together(
    tree: Callable[[Path], Path], tmp_path: Path
) -> None:
    temp, random = tree(tmp_path / ".temp"), Random(5)
    tasks = readable(temp)
    words = {status: sorted(set().union(*map(words_of, others))) for status, *others in tasks.values()}
    everywhere = sorted(set().union(*words.values()))
    told_of, put_in = 0, 0
    for status, *others in tasks.values():
        pools = [pool for pool in (everywhere, words[status]) if pool]
        said = [" ".join(random.choices(random.choice(pools), k=random.randint(1, 6))) for _ in range(200)]
        decide(status, said)
        found = lone(status)
        for number, line in enumerate(status.read_text().split("\n"), 1):
            if (text := line.partition('"decision": "')[2].rstrip('",')) in said:
                assert (number in found) != told(text, others), text
                told_of, put_in = told_of + (number not in found), put_in + 1
    assert 0 < told_of < put_in / 2


def words_of(path: Path) -> set[str]:
    return set(re.findall(r"(?<![^\W_])[a-z]{5,}(?![^\W_])", path.read_text())) - SMALL


SMALL = {"should", "there", "these", "those", "would", "might", "could", "their", "where", "which", "while"}


@pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the corpus: set ORCHESTRATOR_CORPUS")
def test_of_all_decisions_of_other_tasks_of_the_same_project_each_one_is_found(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    shutil.copytree(FOLDER, temp)
    tasks = {}
    for task, paths in readable(temp).items():
        try:
            rows = json.loads(paths[0].read_text()).get("decisions", [])
        except ValueError:
            continue
        tasks[task] = [row["decision"] for row in rows if isinstance(row, dict) and "decision" in row]
    number = 0
    for task in tasks:
        path = readable(temp)[task][0]
        others = [said for other, decisions in tasks.items() if other != task for said in decisions]
        decide(path, others)
        lines = enumerate(path.read_text().split("\n"), 1)
        placed = [line for line, text in lines if text.strip().startswith('"decision": ')]
        assert set(placed[-len(others) :]) <= lone(path).keys(), task
        number += len(others)
        path.unlink()
    assert number > 3_000


@pytest.mark.parametrize(
    ("decision", "document", "severity"),
    [
        ("Use zod for every API", "Every API uses zod.", None),
        ("Use zod for every API call", "Every API call uses yup.", "note"),
        ("Keep EnhancedService small", "Enhance the service, and keep it small", "warning"),
        ("Try 5 times, then give up", "It tries 3 times, then it gives up: try again later.", "note"),
        ("Do not retry writes", "Writes retry once more.", "warning"),
        ("Do not retry large writes", "Large writes do retry.", "note"),
        ("Test", "The latest version", "warning"),
        ("Keys are UUIDs", "The keys:\n\n- are of 16 bytes\n- and are called UUIDs", None),
        ("Standardize on the page header", "Standardization: the page has a header, on every page", None),
        ("使用数据库", "我们使用数据库。", None),
        ("使用数据库", "我们使用文件。", "warning"),
        ("Ключи длинные", "Длинные ключи лучше", None),
        ("The limit is 1000005 rows", "The limit is 1000000 rows.", "warning"),
        ("The limit is 100000 rows", "The limit is 1000000 rows.", "warning"),
        ("Limits start on 20240131", "Limits start on 20240131: both.", None),
        ("Dates start at 20240131 there", "Dates start at 20240101 there.", "warning"),
        ("Hosted in IT", "Hosted in the US.", "warning"),
        ("Hosted in IT", "It is hosted in this place.", "warning"),
        ("Hosted in IT", "It is in IT that we are hosted.", None),
        ("??", "What?", "warning"),
    ],
)
def test_what_counts_as_told(decision: str, document: str, severity: str | None, tmp_path: Path) -> None:
    path = tmp_path / "task-status-AB22AB.json"
    path.write_text('{"taskId": "AB22AB"}')
    (tmp_path / "architecture-notes-AB22AB.md").write_text(f"# Notes\n\n{document}\n")
    decide(path, [decision])
    assert [one.severity for one in lone(path).values()] == ([severity] if severity else [])


def test_a_note_shows_the_lines_that_come_nearest_and_what_they_lack(tmp_path: Path) -> None:
    (tmp_path / "task-status-AB22AB.json").write_text('{"taskId": "AB22AB"}')
    notes = "# Notes\n\n" + "Much else.\n" * 9 + "\nSockets broadcast messages.\n\nThey stay.\n" + "More.\n" * 9
    (tmp_path / "architecture-notes-AB22AB.md").write_text(notes)
    decide(tmp_path / "task-status-AB22AB.json", ["Broadcast messages through sockets and Redis"])
    (found,) = check(tmp_path, ".temp").findings
    assert found.severity == "note"
    assert found.says.endswith('is told in other words, if at all: the nearest lines lack "through" and "Redis"')
    path, line = found.witnesses[1].path, found.witnesses[1].line
    assert path == ".temp/architecture-notes-AB22AB.md"
    assert line is not None
    assert "Sockets broadcast" in "\n".join(notes.split("\n")[line - 1 :][:6])
