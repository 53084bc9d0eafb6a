"""How long it takes to take over a thousand tasks that were kept by hand, beside rewriting their files safely."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.row import Row, medians
from benchmarks.start import ENVIRONMENT
from orchestrator.files import Disk

ROUNDS, TASKS = 1, 1_000
STATUS = """{
  "taskId": "user-model",
  "agentId": "db-worker",
  "description": "Create a User model with a unique email",
  "startedAt": "2025-10-24T09:00:00Z",
  "workstreams": [
    {"id": "models", "status": "completed", "description": "Models"},
    {"id": "tests", "status": "in_progress", "description": "Tests"}
  ],
  "decisions": [{"timestamp": "2025-10-24T09:30:00Z", "decision": "UUID keys", "rationale": "They merge"}]
}
"""
CHECKLIST = "# Checklist\n\n## Models\n" + "".join(
    f"- [{'x '[n % 2]}] Write part {n} of the model\n" for n in range(15)
)
PLAN = "# Plan\n\n## Goal\n\nA User model.\n\n## Steps\n\n1. The model\n2. Its tests\n"
PROGRESS = "# Progress\n\n**Status**: In Progress\n\n## Done\n\n- The model\n\n## Next\n\n- Its tests\n"
DOCUMENTS = {
    "task-status-{}.json": STATUS,
    "checklist-{}.md": CHECKLIST,
    "plan-{}.md": PLAN,
    "progress-{}.md": PROGRESS,
}


def rows(quick: bool) -> Iterator[Row]:
    rounds, tasks = (1, 3) if quick else (ROUNDS, TASKS)
    with tempfile.TemporaryDirectory() as place:
        by_hand = Path(place, "by-hand")
        fill(by_hand / ".temp", tasks)

        def seconds(way: str) -> float:
            project = Path(place, "project")
            shutil.copytree(by_hand, project)
            begun = time.perf_counter()
            if way == "ours":
                command = [str(Path(sys.executable).with_name("orchestrator")), "adopt", str(project)]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
            else:
                replace_safely(project / ".temp")
            spent = time.perf_counter() - begun
            shutil.rmtree(project)
            return spent

        found = medians({"ours": "ours", "safely": "safely"}, seconds, rounds)
    yield Row(f"adopt {tasks:,} tasks", found["ours"], "s", "their files rewritten", found["safely"])


def fill(temp: Path, tasks: int) -> None:
    """So many tasks, of four documents each."""
    temp.mkdir(parents=True)
    for letters in itertools.islice(itertools.product("ABCDEFGHJK", repeat=5), tasks):
        for name, text in DOCUMENTS.items():
            (temp / name.format("".join(letters) + "9")).write_text(text)


def replace_safely(temp: Path) -> None:
    """Each file by a new one with the same text: written, synced, renamed, the name synced."""
    disk = Disk()
    for path in sorted(temp.iterdir()):
        staged = path.with_suffix(".new")
        disk.create(staged, path.read_bytes(), sync=True)
        disk.move(staged, path)
        disk.sync_directory(temp)
