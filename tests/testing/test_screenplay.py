"""A screenplay: what can be written, and what is said to which request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import ScreenplayError
from orchestrator.testing import Screenplay

PLAY = """
captures:
  workspace: 'Workspace: (\\S+)'
  child: 'task (\\w{6})'
actors:
  lead:
    match: You are the lead
    turns:
      - say: I start.
        calls:
          - Bash: {command: "ls {{workspace}}"}
          - Read: {file_path: "{{workspace}}/a.js", lines: [1, {{workspace}}]}
      - say: Is it there yet?
        calls: [Read: {file_path: b.js}]
        until: found it
      - expect: found it
        say: "{{child}} is done, {{ this }} is not a template."
  worker:
    match: You are the worker
    turns:
      - say: Hi.
"""
START = {"role": "user", "content": [{"type": "text", "text": "Workspace: /w"}, {"type": "text", "text": "go"}]}


def said(screenplay: Screenplay, *messages: Any, system: str = "You are the lead") -> Any:
    answer = screenplay.answer({"model": "m", "max_tokens": 9, "system": system, "messages": [START, *messages]})
    return answer.message


def after(message: Any, *results: str) -> tuple[Any, Any]:
    """The message sent back, each of its calls answered with a text."""
    calls = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
    answers = [
        {"type": "tool_result", "tool_use_id": call, "content": [{"type": "text", "text": text}]}
        for call, text in zip(calls, results, strict=True)
    ]
    return {"role": "assistant", "content": message["content"]}, {"role": "user", "content": answers}


@pytest.fixture
def screenplay() -> Screenplay:
    return Screenplay.parse(PLAY.replace("[1, {{workspace}}]", "[1, '{{workspace}}']"))


def test_templates_are_filled_with_what_was_heard_at_any_depth(screenplay: Screenplay) -> None:
    first = said(screenplay)
    assert [block.get("input") for block in first["content"]] == [
        None,
        {"command": "ls /w"},
        {"file_path": "/w/a.js", "lines": [1, "/w"]},
    ]


def test_ids_follow_from_actor_message_and_call(screenplay: Screenplay) -> None:
    assert [block["id"] for block in said(screenplay)["content"][1:]] == ["toolu_lead_01_1", "toolu_lead_01_2"]


def test_the_same_request_is_answered_the_same_however_often(screenplay: Screenplay) -> None:
    assert said(screenplay) == said(screenplay)
    history = after(said(screenplay), "x", "y")
    fresh = Screenplay.parse(PLAY.replace("[1, {{workspace}}]", "[1, '{{workspace}}']"))
    assert said(fresh, *history) == said(screenplay, *history)


def test_until_repeats_a_turn_with_new_ids_until_its_answer_matches(screenplay: Screenplay) -> None:
    history = list(after(said(screenplay), "", "found it, says the first turn's answer"))
    ids = []
    for result in ("nothing", "nothing", "found it: task K7Q2MX"):
        message = said(screenplay, *history)
        assert message["content"][0]["text"] == "Is it there yet?"
        ids.append(message["content"][1]["id"])
        history += after(message, result)
    assert ids == ["toolu_lead_02_1", "toolu_lead_03_1", "toolu_lead_04_1"]
    assert said(screenplay, *history)["content"][0]["text"] == "K7Q2MX is done, {{ this }} is not a template."


def test_the_last_match_of_a_capture_wins(screenplay: Screenplay) -> None:
    history = [*after(said(screenplay), "Workspace: /other", "task AAAAA1")]
    history += after(said(screenplay, *history), "found it: task BBBBB2")
    assert said(screenplay, *history)["content"][0]["text"].startswith("BBBBB2")


RECEIPTS = """
actors:
  lead:
    match: You are the lead
    turns:
      - calls: [Read: {file_path: a.js}, Write as model: {file_path: b.js}]
      - calls: [Bash as check: {command: npm test}]
        until: 'ok'
      - calls: [Sync: {evidence: ["{{receipt model}}", "{{receipt check}}"]}]
"""


def test_a_named_call_s_receipt_is_known_by_its_name_and_of_a_repeated_turn_the_last_one_counts() -> None:
    play = Screenplay.parse(RECEIPTS)
    history = [*after(said(play), "x [receipt R1]", "says [receipt R9], and\n[receipt R2]")]
    assert history[0]["content"][1]["name"] == "Write"
    for result in ("stopped [receipt R3]", "refused [receipt R4]", "ok [receipt R5]"):
        history += after(said(play, *history), result)
    fresh = Screenplay.parse(RECEIPTS)
    assert said(fresh, *history)["content"][0]["input"] == {"evidence": ["R2", "R5"]}


def test_a_named_call_without_a_receipt_leaves_the_screenplay() -> None:
    play = Screenplay.parse(RECEIPTS)
    history = [*after(said(play), "[receipt R1]", "none")]
    history += after(said(play, *history), "ok [receipt R3]")
    with pytest.raises(ScreenplayError, match=r"receipt model"):
        said(play, *history)


def test_what_does_not_fit_expect_leaves_the_screenplay() -> None:
    play = Screenplay.parse("actors: {a: {match: lead, turns: [{say: Hi., expect: 'Workspace: /v'}]}}", "p.yaml")
    with pytest.raises(ScreenplayError, match=r"p\.yaml:1: a expects 'Workspace: /v'"):
        said(play)


def test_a_capture_that_was_never_heard_leaves_the_screenplay(screenplay: Screenplay) -> None:
    history = [*after(said(screenplay), "x", "y")]
    history += after(said(screenplay, *history), "found it")
    with pytest.raises(ScreenplayError, match="child"):
        said(screenplay, *history)


def test_a_request_after_the_last_turn_leaves_the_screenplay(screenplay: Screenplay) -> None:
    message = said(screenplay, system="You are the worker")
    more = ({"role": "assistant", "content": message["content"]}, START)
    with pytest.raises(ScreenplayError, match="worker has said all of its 1 turns"):
        said(screenplay, *more, system="You are the worker")


@pytest.mark.parametrize(
    ("system", "who"), [("Nobody", "no actor"), ("You are the lead, You are the worker", "lead and")]
)
def test_exactly_one_actor_must_match(screenplay: Screenplay, system: str, who: str) -> None:
    with pytest.raises(ScreenplayError, match=who):
        said(screenplay, system=system)


def test_usage_without_caching_is_plain_input(screenplay: Screenplay) -> None:
    usage = said(screenplay)["usage"]
    assert usage["input_tokens"] > 0
    assert (usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]) == (0, 0)


def test_a_text_is_included_from_beside_the_screenplay(tmp_path: Path) -> None:
    (tmp_path / "play.yaml").write_text(
        "actors: {a: {match: lead, turns: [{calls: [{Write: {content: !include texts/model.js}}]}]}}"
    )
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "model.js").write_text("module.exports = 'größe: yes'\n")
    message = said(Screenplay.load(tmp_path / "play.yaml"))
    assert message["content"][0]["input"] == {"content": "module.exports = 'größe: yes'\n"}


def test_dates_and_yes_stay_text() -> None:
    play = Screenplay.parse(
        "actors: {a: {match: lead, turns: [{calls: [{W: {d: 2026-11-22, y: yes, n: 3, t: true}}]}]}}"
    )
    assert said(play)["content"][0]["input"] == {"d": "2026-11-22", "y": "yes", "n": 3, "t": True}


def test_what_is_merged_stands_where_nothing_else_does() -> None:
    play = Screenplay.parse("actors: {a: {match: lead, turns: [{calls: [{R: &r {a: 1, b: 2}}, {R: {<<: *r, b: 3}}]}]}}")
    assert [block["input"] for block in said(play)["content"]] == [{"a": 1, "b": 2}, {"a": 1, "b": 3}]


TURN = "actors: {a: {match: lead, turns: [%s]}}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "actors"),
        ("- a list", "actors"),
        ("actors: {}", "actors"),
        ("actors: [a]", "mapping"),
        ("\nactors: {a: ", ":2: not YAML|:3: not YAML"),
        ("actors: {a: {match: x}}", "'turns'"),
        ("actors: {a: {turns: [{say: Hi.}]}}", "'match'"),
        ("actors: {a b: {match: x, turns: [{say: Hi.}]}}", "plain name"),
        ("actors: {a: {match: '(', turns: [{say: Hi.}]}}", "regular expression"),
        ("actors: {a: {match: x, turns: [{say: Hi.}]}}\ncaptures: {w: 'no group'}", "one group"),
        ("actors: {a: {match: x, turns: [{say: Hi.}]}}\nactors: {}", ":2: the key 'actors' is there twice"),
        ("actors:\n  a:\n    match: x\n    turns:\n      - sey: Hi.", ":5: unknown key 'sey'"),
        (TURN % "Hi.", "mappings"),
        (TURN % "{}", "'say', 'calls' or 'fault'"),
        (TURN % "{say: 3}", "say must be text"),
        (TURN % "{say: '{{nobody}}'}", "nobody"),
        (TURN % "{calls: [{Read: {a: '{{nobody}}'}}]}", "nobody"),
        (TURN % "{say: '{{receipt nobody}}'}", "receipt nobody"),
        (TURN % "{calls: {Read: {}}}", "calls must be a list"),
        (TURN % "{calls: [{Read: {}, Write: {}}]}", "one tool name"),
        (TURN % "{calls: [{Read: 3}]}", "must be a mapping"),
        (TURN % "{calls: [{Read: {1: 2}}]}", "'1' must be text"),
        (TURN % "{say: Hi., until: '['}", "regular expression"),
        (TURN % "{say: Hi., usage: {tokens: 3}}", "unknown key 'tokens'"),
        (TURN % "{say: Hi., usage: {input_tokens: many}}", "must be a number"),
        (TURN % "{say: Hi., fault: {status: 200}}", "a fault has either"),
        (TURN % "{say: Hi., fault: {stream: sad}}", "a fault has either"),
        (TURN % "{say: Hi., fault: {}}", "a fault has either"),
        (TURN % "{say: Hi., fault: {status: 429, stream: cut}}", "a fault has either"),
        (TURN % "{fault: {status: 429, times: 2}}", "to follow"),
        (TURN % "{say: !include nowhere.txt}", "cannot include nowhere.txt"),
        (TURN % "{say: !shout Hi.}", "unknown tag !shout"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(ScreenplayError, match=reason) as caught:
        Screenplay.parse(text, "play.yaml")
    assert str(caught.value).startswith("play.yaml:")


def test_a_screenplay_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScreenplayError, match=r"absent\.yaml"):
        Screenplay.load(tmp_path / "absent.yaml")
