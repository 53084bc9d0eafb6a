from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.engine import Engine
from proof.disk import ScriptedDisk
from proof.folder import CREATED, PLAN, open_engine


@pytest.fixture
def temp(tmp_path: Path) -> Path:
    return tmp_path / ".temp"


@pytest.fixture
def disk() -> ScriptedDisk:
    return ScriptedDisk()


@pytest.fixture(params=["exchange", "portable"])
def engine(request: pytest.FixtureRequest, temp: Path, disk: ScriptedDisk) -> Iterator[Engine]:
    """An engine with one task that has a plan; on both ways to publish."""
    found = open_engine(temp, disk, portable=request.param == "portable")
    found.create(CREATED, *PLAN)
    yield found
    found.close()
