"""The lookout: what is told of the files of a task, and when."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from orchestrator import lookout
from proof.folder import CREATED, ID, NEW, open_engine, path_of


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells everything in the order in which it happened")
def test_of_saves_in_a_row_a_task_is_told_once_and_not_after_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookout, "QUIET", lookout.QUIET * 1e6)  # the row is shorter, however slow this machine is
    monkeypatch.setattr(lookout, "ABSENCE", 0.0)
    temp = tmp_path / ".temp"
    open_engine(temp).create(CREATED)
    other = path_of(temp, "plan", NEW)
    with lookout.Lookout(temp) as watching:
        if watching.blind:
            pytest.skip(watching.blind)
        for number in range(5):
            path_of(temp, "plan").write_text(f"wording {number}")
            other.touch()
            other.unlink()  # which is told at once, and after the save
            assert watching.wait() == [NEW]
        watching.touched(ID, 0.0)
        watching.touched(ID, 3600.0)  # the first one counts
        assert watching.wait(0.0) == [ID]
        assert watching.wait(0.0) == []
