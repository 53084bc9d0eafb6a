"""Names of one lock file: each is held by one at a time, and all of them together."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from orchestrator.locks import named


@pytest.mark.parametrize(("held", "wanted"), [("a.txt", "a.txt"), ("a.txt", None), (None, "a.txt"), (None, None)])
def test_who_wants_what_is_held_waits_for_it(tmp_path: Path, held: str | None, wanted: str | None) -> None:
    order = []

    def want() -> None:
        with named(tmp_path / "lock", wanted):
            order.append("wanted")

    thread = threading.Thread(target=want)
    with named(tmp_path / "lock", held):
        thread.start()
        thread.join(0.05)
        order.append("held")
    thread.join()
    assert order == ["held", "wanted"]


def test_another_name_is_free_meanwhile(tmp_path: Path) -> None:
    with named(tmp_path / "lock", "a.txt"), named(tmp_path / "lock", "b.txt"):
        pass
