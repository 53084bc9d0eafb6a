"""Which line of a JSON says what, of one that had to be salvaged too."""

from __future__ import annotations

import pytest

from orchestrator.check.text import JsonText, Text
from orchestrator.documents.status_json import salvage

WHOLE = """{
  "taskId": "a, {\\"b\\": [",
  "workstreams": [
    {"id": "one", "artifacts": ["x", "y"]},
    {"id": "two",
     "status": "completed"}
  ],
  "startedAt":
    "2025-10-24"
}
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("taskId",), 2),
        (("workstreams",), 3),
        (("workstreams", 0, "artifacts", 1), 4),
        (("workstreams", 1, "status"), 6),
        (("workstreams", 1, "notes"), 5),
        (("workstreams", 7), 3),
        (("startedAt",), 9),
        (("completedAt",), 1),
    ],
)
@pytest.mark.parametrize(
    "broken",
    [
        lambda text: text,
        lambda text: text + "}",
        lambda text: text.replace('"completed"}', '"completed",},').replace('"2025-10-24"', '"2025-10-24",'),
        lambda text: text.rstrip("}\n"),
    ],
    ids=["whole", "a bracket too many", "commas too many", "cut off"],
)
def test_a_value_is_found_on_its_line(path, line, broken) -> None:
    assert JsonText(Text("x", broken(WHOLE))).at(*path).line == line


def test_of_a_key_that_is_there_twice_the_line_of_the_value_that_counts_is_shown() -> None:
    text = '{\n"startedAt": "2025-10-25",\n"decisions": [{"a": 1,\n"a": 2}],\n"startedAt": "2025-10-24"}'
    found = JsonText(Text("x", text))
    assert found.data == salvage(text) == {"startedAt": "2025-10-24", "decisions": [{"a": 2}]}
    assert [found.at(*path).line for path in (("startedAt",), ("decisions", 0, "a"))] == [5, 4]
