"""How long it takes to find that ten thousand tasks contradict nothing, beside listing them and beside reading them.

Their sixty thousand files are kept in memory where the system has a folder for that: on a disk it takes longer to make
them, and to take them away again, than all that is measured.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.row import Row, medians
from benchmarks.start import folder_of, milliseconds

ROUNDS, TASKS = 3, 10_000
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
READ = """
import json, pathlib, sys
for path in pathlib.Path(sys.argv[1], ".temp").glob("*-??????.*"):
    text = path.read_text()
    if path.suffix == ".json":
        json.loads(text)
"""


def rows(quick: bool) -> Iterator[Row]:
    rounds, tasks = (1, 3) if quick else (ROUNDS, TASKS)
    command = str(Path(sys.executable).with_name("orchestrator"))
    with tempfile.TemporaryDirectory(dir=MEMORY) as place:
        folder = str(folder_of(Path(place), tasks))
        ways = {
            "check": [command, "--project", folder, "check"],
            "status --all": [command, "--project", folder, "status", "--all"],
            "read_text, json.loads": [sys.executable, "-c", READ, folder],
        }
        medians(ways, milliseconds, 1)  # what is on the disk is in memory
        found = medians(ways, milliseconds, rounds)
    for peer in ("status --all", "read_text, json.loads"):
        yield Row(f"check, {tasks:,} tasks", found["check"], "ms", peer, found[peer])
