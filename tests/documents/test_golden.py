"""Documents as people should see them. ORCHESTRATOR_GOLDEN=write makes the files anew: look at what changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.documents import KINDS, file_name, kinds, render
from orchestrator.events import Kind

from .example import done

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


def test_a_completed_task_has_all_six_documents() -> None:
    assert kinds(done()) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_looks_as_its_golden_file(kind: Kind) -> None:
    path = GOLDEN / file_name(kind, "K7Q2MX")
    body = render(done(), kind)
    if os.environ.get("ORCHESTRATOR_GOLDEN") == "write":
        path.write_text(body, encoding="utf-8")
    assert body == path.read_text(encoding="utf-8")
