"""Folders without contradiction: one that agents keep by hand, each in its own way; adopted; one of the engine's."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

from orchestrator import events as happened
from orchestrator.engine import Engine
from orchestrator.engine.handmade import survey

FILES = {
    "completed/task-status-A4K7M2.json": {
        "agentId": "forms-architect",
        "taskId": "appointment-forms-A4K7M2",
        "relatedAgentFiles": [".temp/completed/plan-G5N8T3.md", ".temp/architecture-notes-*.md"],
        "description": "Forms for appointments",
        "startedAt": "2025-10-29T21:10:00.000Z",
        "completedAt": "2025-10-29T22:45:00.000Z",
        "status": "completed",
        "workstreams": [
            {"id": "ws-1", "name": "Inputs", "status": "completed", "artifacts": ["src/forms/Input.tsx"]},
            {"id": "ws-2", "name": "Validation", "status": "completed", "crossAgentReferences": None},
        ],
        "decisions": [
            {
                "timestamp": "2025-10-29T21:30:00.000Z",
                "decision": "Validate with zod on both sides",
                "referencedAgentWork": "G5N8T3 - schema patterns",
            }
        ],
        "summary": {"filesCreated": 4},
    },
    "completed/plan-A4K7M2.md": """
        # Plan

        1. Inputs, 2. validation.
        """,
    "completed/checklist-A4K7M2.md": """
        # Checklist

        ## Inputs
        - [✅] Write the text input
        - [x] Write the date input
          - [X] with a calendar
          - [x] with a calendar

        ## Validation
        * [x] Write the schemas
        """,
    "completed/progress-A4K7M2.md": """
        # Progress Report - Forms (A4K7M2)

        **Agent**: forms-architect
        **Status**: ✅ COMPLETED
        **Started**: 2025-10-29
        **Overall Progress**: 100%

        ## Completed Work
        ### Phase 1: Inputs ✅
        **Status**: Complete
        - ✅ text and date input

        ## Files
        - `.temp/completed/checklist-A4K7M2.md`

        ```
        - [ ] an example of an open item
        **Progress**: 10%
        cat .temp/plan-Z9Z9Z9.md
        ```
        """,
    "completed/architecture-notes-A4K7M2.md": """
        # Notes

        ## Decisions
        - Both sides validate their input with **zod**, from the same schema
        """,
    "completed/completion-summary-A4K7M2.md": """
        # Completion Summary

        Forms are there. **Completed**: 2025-10-29
        """,
    "completed/task-status-G5N8T3.json": {
        "agentId": "schema-architect",
        "taskId": "G5N8T3",
        "description": "Schemas",
        "startedAt": "2025-10-28",
        "workstreams": {"only": {"status": "Completed ✅"}},
    },
    "completed/plan-G5N8T3.md": "# Plan\n\nSchemas.\n",
    "completed/progress-G5N8T3.md": """
        # Schemas

        ## Current Phase
        **COMPLETED** - all schemas are written

        ## Status
        All workstreams completed. Ready for archival.
        """,
    "completed/progress-E6Q4T9.md": """
        # Progress - Translations

        **Started**: 2025-09-01 09:30 UTC
        **Completed**: 2025-09-03
        **Status**: Completed

        Every page is there in three languages.
        """,
    "task-status-B7W3Q9.json": {
        "agentId": "pages-architect",
        "taskId": "pages-2025-10-30",
        "relatedAgentFiles": [".temp/completed/completion-summary-A4K7M2.md", "integration with A4K7M2"],
        "description": "Pages",
        "startedAt": "2025-10-30T09:00:00Z",
        "lastUpdated": "2025-10-30T11:00:00Z",
        "completedAt": None,
        "progress": 25,
        "workstreams": [
            {"id": "list", "status": "completed", "artifacts": ["src/pages/list.tsx"]},
            {"id": "detail", "status": "in_progress", "artifacts": ["src/pages/detail.tsx"]},
            {"id": "calendar", "status": "deferred", "artifacts": []},
            {"id": "print", "status": "not-started", "artifacts": None},
        ],
        "decisions": [{"timestamp": "2025-10-30T09:30:00Z", "decision": "Server components for lists"}],
    },
    "plan-B7W3Q9.md": "# Plan\n\nForms come from `.temp/completed/plan-A4K7M2.md`, see architecture-notes-A4K7M2.md.\n",
    "checklist-B7W3Q9.md": """
        # Checklist

        - [x] Write the list
        - [ ] Write the detail page
        - [ ] Write the calendar
        1. [ ] Print
        """,
    "progress-B7W3Q9.md": """
        # Progress

        ## Current Status: Phase 2 - Detail pages (In Progress)

        **Overall Progress**: 25%

        The lists are server components.
        Next: `completion-summary-B7W3Q9.md`.
        """,
    "task-status-C2X8V5.json": {
        "agentId": "review-architect",
        "taskId": "C2X8V5",
        "description": "Review",
        "startedAt": "2025-10-30T09:00:00+02:00",
        "workstreams": [
            {"id": "read", "status": "partially-completed", "artifacts": ["docs/review.md"]},
            {"id": "write", "status": "pending"},
        ],
        "decisions": [],
    },
    "checklist-C2X8V5.md": "# Checklist\n\n- ✅ read the pages\n- 🔄 write it down\n",
    "progress-C2X8V5.md": """
        # Review

        ## Current Phase
        **Phase 1: Reading** - COMPLETED

        ### Completed
        - ✓ half of it
        """,
    "checklist-D9P6L3.md": "# Checklist\n\n- [x] First\n- [ ] Second\n",
    "progress-D9P6L3.md": "# Progress\n\n**Status:** Implementation Complete - Testing Phase\n",
    "REVIEW_REPORT_C2X8V5.md": "# Report\n",
    "integration-map-C2X8V5.json": "{not JSON, and not ours",
    "task-status-C2X8V5.json.bak": "{",
    "notes.md": "# Notes without id, of `.temp/plan-README.md`\n",
}


def by_hand(temp: Path) -> Path:
    """What agents keep without help."""
    for name, content in FILES.items():
        path = temp / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2) if isinstance(content, dict) else dedent(content).lstrip())
    return temp


def adopted(temp: Path) -> Path:
    """What agents kept without help until the engine took it over."""
    by_hand(temp)
    engine = Engine(temp)
    for found in survey(temp).found:
        engine.adopt(found)
    engine.close()
    return temp


def ours(temp: Path) -> Path:
    """A task that is archived, one that refers to it, a lightweight one, one reopened, and one that was cancelled."""
    engine = Engine(temp)
    done = _finished(engine, "Create a User model", "src/models/user.js")
    engine.archive(done)
    reopened = _finished(engine, "Write the guide", "docs/guide.md")
    engine.archive(reopened)
    engine.reopen(reopened)
    full = engine.create(happened.TaskCreated(agent="db-worker", description="Associate the models")).id
    engine.commit(
        full,
        [
            happened.PhaseChanged(phase="implementation"),
            happened.WorkstreamAdded(id="a", description="A", status="completed", artifacts=("src/a.js",)),
            happened.WorkstreamAdded(id="b", description="B", status="in-progress", artifacts=("src/b.js",)),
            happened.ItemAdded(id="c1", text="Write src/a.js"),
            happened.ItemAdded(id="c2", text="Write src/b.js", section="Later"),
            happened.ItemChecked(id="c1"),
            happened.DecisionRecorded(id="D1", decision="Join tables have a model", rationale="They get columns"),
            happened.ReferenceAdded(task=done, document="plan"),
            happened.ProseWritten(document="plan", text=f"As in `.temp/completed/plan-{done}.md`."),
        ],
        actor="user",
    )
    light = engine.create(happened.TaskCreated(agent="clerk", description="Write notes", mode="lightweight")).id
    engine.commit(
        light,
        [
            happened.ItemAdded(id="c1", text="Write them"),
            happened.ItemChecked(id="c1"),
            happened.WorkstreamAdded(id="w", description="All", status="completed", artifacts=("notes.txt",)),
            happened.DecisionRecorded(id="D1", decision="One file for everything"),
        ],
        actor="user",
    )
    gone = engine.create(happened.TaskCreated(agent="clerk", description="Count the notes")).id
    engine.commit(gone, [happened.ItemAdded(id="c1", text="Count")], actor="user")
    engine.cancel(gone, "nobody needs it")
    engine.refresh(full)
    engine.close()
    return temp


def _finished(engine: Engine, description: str, path: str) -> str:
    task = engine.create(happened.TaskCreated(agent="db-worker", description=description))
    engine.lease(task.id).release()
    events = [
        happened.WorkstreamAdded(id="model", description="The model", status="completed", artifacts=(path,)),
        happened.WorkstreamAdded(id="tests", description="Its tests", status="completed"),
        happened.ItemAdded(id="c1", text="Look at what there is"),
        happened.ItemAdded(id="c2", text=f"Write {path}", section="Model"),
        happened.DecisionRecorded(id="D1", decision="Keys are UUIDs", rationale="Several machines make rows"),
        happened.ItemChecked(id="c1"),
        happened.ItemChecked(id="c2"),
        happened.TaskCompleted(summary="It is there."),
    ]
    engine.commit(task.id, events, actor="user")
    return task.id
