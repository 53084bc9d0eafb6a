"""What it costs to look back in a task of 5,000 commits, beside `show`, which opens it as it is now.

Each is the whole command, from start to end. The last revision but one is the most that `--at` has to fold. `diff`
folds to two revisions; `blame` renders the document at each revision that changed it, which here all did.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.opening import filled
from benchmarks.row import Row, medians
from benchmarks.start import milliseconds

ROUNDS, COMMITS = 7, 5_000


def rows(quick: bool) -> Iterator[Row]:
    rounds, commits = (1, 20) if quick else (ROUNDS, COMMITS)
    with tempfile.TemporaryDirectory() as place:
        task_id = filled(Path(place), commits, sys.maxsize).stem
        orchestrator = [str(Path(sys.executable).with_name("orchestrator")), "--project", place]
        last = f"r{commits}"
        named = {
            "show": [*orchestrator, "show", task_id, "plan"],
            "show --at": [*orchestrator, "show", task_id, "plan", "--at", last],
            "diff": [*orchestrator, "diff", task_id, "r2", last],
            "blame": [*orchestrator, "blame", task_id, "plan"],
        }
        medians(named, milliseconds, 1)  # what is to be compiled is, and what is on the disk is in memory
        found = medians(named, milliseconds, rounds)
    for name, most in {"show --at": 1.0, "diff": 1.5, "blame": 5.0}.items():
        yield Row(name, found[name], "ms", "show", found["show"], most)
