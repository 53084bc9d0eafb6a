"""The benchmarks can be run: nothing is said about time here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TABLE = """
import sys, types
from benchmarks.__main__ import main
from benchmarks.row import Row
figure = sys.modules["benchmarks.turn"] = types.ModuleType("turn")
row = ("turn", 1.496, "ms")
figure.rows = lambda quick: [Row(*row, "a loop", 1.0, most=1.5), Row(*row, "a peer", THEIRS, most=2)]
sys.exit(main(["turn"]))
"""


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


@pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="needs the source tree")
@pytest.mark.parametrize(("theirs", "code"), [("1.0", 0), ("None", 1)])
def test_a_target_beside_a_peer_that_is_absent_is_not_met_and_the_table_says_which(theirs: str, code: int) -> None:
    words = [sys.executable, "-c", TABLE.replace("THEIRS", theirs)]
    ended = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True)
    assert ended.returncode == code, ended.stderr
    _, one, other, *rest = ended.stdout.splitlines()
    assert one.split()[-4:] == ["1.50", "≤", "1.5", "✓"]
    assert other.split()[-3:] == ["≤", "2", "✗" if code else "✓"]
    assert ("absent" in other) == bool(code)
    assert len(rest) == 1 + code
    assert ("a peer: pip install" in rest[-1]) == bool(code)
