"""The stamp is ours: it goes on and comes off without touching the body, and never becomes a person's word."""

from __future__ import annotations

import json

import pytest

from orchestrator.documents.stamp import stamp_markdown, stamp_status, unstamp_markdown, unstamp_status
from orchestrator.task import Published, digest

LINUX = "# Plan\n\nText\n"
DIGEST = "0" * 64
BODY = "# Plan\r\n\r\nText\r\n"


def test_a_body_comes_back_whatever_its_line_endings_and_its_last_line() -> None:
    for body in (BODY, "", "\n", "no newline", "ends in a return\r", "a\r\nb", "a\r\nb\r", "a\nb\r\n", "emoji ✅ שלום"):
        again, found = unstamp_markdown(stamp_markdown("K7Q2MX", 17, body))
        assert again == body
        assert found is not None
        assert found.intact


def test_the_stamp_is_the_last_line_ends_as_the_others_and_names_task_revision_and_digest() -> None:
    text = stamp_markdown("K7Q2MX", 17, BODY)
    assert text == f"{BODY}<!-- orchestrator K7Q2MX r17 sha256:{digest(BODY)} -->\r\n"
    assert stamp_markdown("K7Q2MX", 17, LINUX) == f"{LINUX}<!-- orchestrator K7Q2MX r17 sha256:{digest(LINUX)} -->\n"


def test_a_changed_body_is_not_intact() -> None:
    body, found = unstamp_markdown(stamp_markdown("K7Q2MX", 17, BODY).replace("Text", "Texts"))
    assert body == BODY.replace("Text", "Texts")
    assert found is not None
    assert (found.revision, found.intact) == (17, False)


def test_text_after_the_stamp_is_a_persons_and_the_stamp_line_is_not() -> None:
    body, found = unstamp_markdown(stamp_markdown("K7Q2MX", 17, BODY) + "more\n")
    assert body == BODY + "more\n"
    assert found is not None
    assert not found.intact


def test_a_stamp_pasted_into_the_text_is_taken_out() -> None:
    pasted = stamp_markdown("K7Q2MX", 3, "").lstrip("\n")
    body, found = unstamp_markdown(stamp_markdown("K7Q2MX", 17, BODY).replace("Text", pasted + "Text"))
    assert body == BODY
    assert found is not None
    assert (found.revision, found.intact) == (17, False)


def test_an_editor_that_changed_all_line_endings_is_seen() -> None:
    body, found = unstamp_markdown(stamp_markdown("K7Q2MX", 17, "a\nb").replace("\n", "\r\n"))
    assert body == "a\r\nb"
    assert found is not None
    assert not found.intact


def test_a_text_without_stamp_is_all_body() -> None:
    assert unstamp_markdown("text <!-- orchestrator K7Q2MX r1 sha256:0 -->\n")[1] is None


def test_the_status_carries_the_digests_of_the_other_documents_in_its_last_key() -> None:
    text = stamp_status('{\n  "taskId": "K7Q2MX"\n}\n', 4, {"plan": Published(2, DIGEST)})
    assert list(json.loads(text)) == ["taskId", "sync"]
    body, found = unstamp_status(text)
    assert body == '{\n  "taskId": "K7Q2MX"\n}\n'
    assert found is not None
    assert (found.revision, found.intact, found.documents) == (4, True, {"plan": Published(2, DIGEST)})


@pytest.mark.parametrize(
    "sync", ['"daily"', '{"revision": 4, "digest": "%s", "mine": 1}', '{"documents": {"plan": "mine"}}']
)
def test_what_is_no_stamp_under_the_key_of_the_stamp_is_not_dropped_in_silence(sync: str) -> None:
    with pytest.raises(ValueError, match="sync"):
        unstamp_status('{"a": 1, "sync": ' + sync.replace("%s", DIGEST) + "}")


def test_white_space_in_the_status_is_no_change() -> None:
    text = stamp_status('{\n  "a": [\n    1\n  ]\n}\n', 4, {})
    body, found = unstamp_status(json.dumps(json.loads(text), indent=None))
    assert body == '{\n  "a": [\n    1\n  ]\n}\n'
    assert found is not None
    assert found.intact


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"a": 1}}',
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": ' + "1" * 5000 + "}",
        '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"a": "\\ud800"}',
    ],
)
def test_json_that_no_two_readers_read_alike_is_broken(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        unstamp_status(text)
