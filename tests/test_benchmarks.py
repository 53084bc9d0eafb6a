"""The benchmarks can be run: nothing is said about time here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.proof
@pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="needs the source tree")
def test_every_figure_can_be_measured_beside_its_peer() -> None:
    words = [sys.executable, "-m", "benchmarks", "--quick"]
    table = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for row in (
        "commit",
        "look at the documents",
        "turn, mean of",
        "2 workers",
        "2 at one task",
        "open 50 commits",
        "show --at",
        "--help",
        "status, 3 tasks",
        "check, 3 tasks",
        "an edit is committed",
        "adopt 3 tasks",
    ):
        assert f"\n{row}" in table
    assert "messages.create" in table
