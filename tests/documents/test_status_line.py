"""How a progress report says that its task stands: the shapes of the line, and what the words in it mean."""

from __future__ import annotations

import pytest

from orchestrator.documents.status_line import is_done, status_line

DONE = [
    "completed",
    "COMPLETED ✅",
    "✅ **COMPLETE** - documented, and ready for use",
    "Done, tests pass",
    "Done 7/7",
    "Done: 7/7",
    "Completed: 9 of 9",
    "Complete (Phase 3 of 3)",
    "Completed on 2025-10-29",
    "Completed with no open items",
    "Completed with 0 open items, nothing pending",
    "Completed with warnings",
    "Completed: all 9",
    "All phases completed",
    "All workstreams completed. Ready for archival.",
    "Work has been finished",
    "Successfully completed",
    "AUDIT COMPLETE ✅",
    "100%",
    "SUCCESS: all files were made",
    "SUCCESS: all pages for errors (401/403) were made",
]
OPEN = [
    "In Progress",
    "not completed",
    "Incomplete",
    "Nearly done",
    "Completed: 4 of 9",
    "Completed (4 of 9 items)",
    "Done: 3/7",
    "Done 3/7",
    "Done with phase 1",
    "Completed for phase 2",
    "Completed: phase 1",
    "Completed phase 2 of 4",
    "Completed with 3 open items",
    "Completed with open items",
    "Completed, 2 remaining",
    "Complete; tests pending",
    "Done, but two tests failing",
    "Planning complete",
    "Initial design done",
    "Setup finished ✅",
    "Phase 1 complete",
    "Phase 1 (Audit) is complete. Beginning Phase 2",
    "Implementation Complete - Testing Phase",
    "Successfully completed the first of three files",
    "80% complete",
    "Ready to begin",
    "All but one done",
    "",
]


@pytest.mark.parametrize("value", DONE)
def test_words_that_mean_that_a_task_is_done(value: str) -> None:
    assert is_done(value)


@pytest.mark.parametrize("value", OPEN)
def test_words_that_mean_that_something_is_left(value: str) -> None:
    assert not is_done(value)


SHAPES = {
    "**Status**: Completed": (0, "Completed"),
    "**Status:** Completed ✅": (0, "Completed ✅"),
    "**Status** Completed": (0, "Completed"),
    "- **Status** — Completed": (0, "— Completed"),
    "Status: Completed": (0, "Completed"),
    "> *Overall Status*: Completed": (0, "Completed"),
    "- __Project Status__: Completed\\": (0, "Completed"),
    "## Current Status: Completed": (0, "Completed"),
    "## Status – Completed": (0, "Completed"),
    "## 📊 Final Status\n\nCompleted": (2, "Completed"),
    "## Status\n\nRead on.\n**Status**: Completed": (3, "Completed"),
    "## Current Phase\n**Current Phase**: Completed": (1, "Completed"),
    "# Title\n\n**Overall Progress**: 100%": (2, "100%"),
    "| Status | Completed |": (0, "Completed"),
    "| Key | Value |\n|---|---|\n| Agent | a |\n| **Status** | ✅ Completed | since today |": (3, "✅ Completed"),
    "| Status | Owner |\n|:--|---|\n| Completed | Kim |": (2, "Completed"),
    "## Status\n\n| Current status | Completed |": (2, "Completed"),
    "| Phase | Status |\n|---|---|\n| 1 | Completed |": None,
    "The status is: fine": None,
    "## Statuses: all": None,
    "": None,
}


@pytest.mark.parametrize("text", SHAPES)
def test_the_line_is_found_in_whatever_shape_it_has(text: str) -> None:
    found = status_line(text.split("\n"))
    assert (found and (found.line, found.value)) == SHAPES[text]


def test_what_stands_above_the_sections_counts_most_then_the_status_then_the_phase() -> None:
    lines = ["# P", "## Current Phase", "Phase 2", "## Status", "Almost", "## Final Status", "Done"]
    assert [status_line(lines[:size]).value for size in (3, 5, 7)] == ["Phase 2", "Almost", "Done"]
    assert status_line(["**Status**: Open", *lines]).value == "Open"
