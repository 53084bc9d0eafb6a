"""What the pages show is what runs, and the schemas fit what is on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [page.name for page in sorted(DOCS.glob("*.md")) if "```console\n" in page.read_text(encoding="utf-8")]


def checked(*names: str) -> None:
    command = [sys.executable, str(DOCS / "build.py"), "--check", *names]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("page", PAGES)
def test_the_sessions_of_a_page_print_what_the_page_says(page: str) -> None:
    checked(page)


def test_the_schemas_are_those_of_the_models() -> None:
    checked("--schemas")


def test_the_golden_status_document_fits_its_schema() -> None:
    schema = json.loads((DOCS / "schemas" / "task-status.schema.json").read_text(encoding="utf-8"))
    golden = Path(__file__).parent / "golden" / "task-status-K7Q2MX.json"
    jsonschema.Draft202012Validator(schema).validate(json.loads(golden.read_text(encoding="utf-8")))
