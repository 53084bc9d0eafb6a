"""A screenplay: who is on stage, what each says in turn, and what goes wrong.

An answer is a function of the request alone: the assistant messages in it say how far its actor has come, and where
those were summed up or left out, the summary or the first message. A worker that was killed and resumed gets the
answers it would have got.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import ScreenplayError
from orchestrator.testing import manuscript, summary
from orchestrator.testing.manuscript import Section
from orchestrator.testing.summary import Place
from orchestrator.testing.tokens import usage

if TYPE_CHECKING:
    from orchestrator.events import Json

STATUSES = (400, 401, 403, 404, 413, 429, 500, 503, 529)
STREAMS = ("cut", "drop", "stall", "garble", "error")
COMPACTION = ("offered", "refused", "failed")
_TEMPLATE = re.compile(r"\{\{(\w+|receipt \w+)\}\}")
_RECEIPT = re.compile(r"\[receipt (\w+)\]")
_SO_FAR = re.compile(r"^Replies so far: (\d+)$", re.MULTILINE)
"""How a first message says that the conversation had begun before."""
_USAGE = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


@dataclass(frozen=True)
class Fault:
    """What requests get instead of a turn: an HTTP status, or a broken stream. `times`: how many, None: all."""

    status: int | None
    stream: str | None
    retry_after: float | None
    times: int | None


@dataclass(frozen=True)
class Call:
    """A tool call, perhaps with a name. An `input` that is text is sent as it is: arguments that are not JSON."""

    tool: str
    name: str | None
    input: Json | str


@dataclass(frozen=True)
class Turn:
    where: str
    think: str | None
    say: str | None
    calls: tuple[Call, ...]
    expect: re.Pattern[str] | None
    until: re.Pattern[str] | None
    stop_reason: str
    usage: Json
    fault: Fault | None


@dataclass(frozen=True)
class Actor:
    name: str
    match: re.Pattern[str]
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Answer:
    """A message of the API, whose turn it is (numbered from 1), and what goes wrong with it."""

    actor: str
    turn: int
    message: Json
    fault: Fault | None


@dataclass(frozen=True)
class Screenplay:
    actors: tuple[Actor, ...]
    captures: dict[str, re.Pattern[str]] = field(default_factory=dict)
    window: int | None = None
    compaction: str = "offered"

    @classmethod
    def load(cls, path: Path | str) -> Screenplay:
        """The screenplay in a file. Raises ScreenplayError, naming file and line, when it cannot be read."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ScreenplayError(f"cannot read the screenplay {path}: {error}") from error
        return cls.parse(text, Path(path))

    @classmethod
    def parse(cls, text: str, origin: Path | str = "screenplay") -> Screenplay:
        """The screenplay in a text. `origin` names it in errors, and `!include` looks beside it."""
        play = manuscript.read(text, Path(origin))
        play.expect_keys("captures", "window", "compaction", "actors")
        names = play.section("captures")
        captures = {name: _capture(names, name) for name in names}
        sections = play.section("actors")
        if not sections:
            raise ScreenplayError(f"{play.where}: a screenplay needs 'actors'")
        actors = tuple(_actor(sections, name, frozenset(captures)) for name in sections)
        window, compaction = play.number("window"), play.text("compaction") or COMPACTION[0]
        if compaction not in COMPACTION:
            raise ScreenplayError(f"{play.where}: compaction is one of {', '.join(COMPACTION)}")
        return cls(actors, captures, None if window is None else int(window), compaction)

    def answer(self, request: Json) -> Answer:
        """What is said to this request; raises ScreenplayError when the play has nothing to say to it."""
        actor = self._actor_for(request)
        place, last = self._place(actor, request)
        if "compaction" in request:
            return self._sum_up(actor, place, request)
        if place.turns >= len(actor.turns):
            raise ScreenplayError(f"{actor.name} has said all of its {place.turns} turns, and is told: {last}")
        turn = actor.turns[place.turns]
        if turn.expect is not None and not turn.expect.search(last):
            raise ScreenplayError(
                f"{turn.where}: {actor.name} expects {turn.expect.pattern!r} in the last message, which is: {last}"
            )
        return Answer(actor.name, place.turns + 1, self._message(actor, turn, place, request), turn.fault)

    def _actor_for(self, request: Json) -> Actor:
        opening = _system(request) + "\n" + _heard(_spoken(request)[:1])
        found = [actor for actor in self.actors if actor.match.search(opening)]
        if len(found) != 1:
            who = " and ".join(actor.name for actor in found) or "no actor"
            raise ScreenplayError(f"{who} would answer, not exactly one, to: {opening[:500]}")
        return found[0]

    def _place(self, actor: Actor, request: Json) -> tuple[Place, str]:
        """How far the actor has come, and what it heard last."""
        messages = _spoken(request)
        block = summary.leading(request["messages"])
        begun = (block and summary.place(block)) or Place()
        so_far = _SO_FAR.search(_heard(messages[:1]))
        replies = int(so_far[1]) if so_far else begun.replies
        turns = begun.turns + replies - begun.replies
        heard: list[list[Json]] = [[]]  # the user's messages before each assistant message, and after the last
        for message in messages:
            if message["role"] == "assistant":
                heard.append([])
            else:
                heard[-1].append(message)
        receipts: dict[str, str] = {}
        for answers in heard[1:]:
            if turns >= len(actor.turns):
                raise ScreenplayError(f"{actor.name} has said all of its {turns} turns, and is told: {_heard(answers)}")
            replies += 1
            turn = actor.turns[turns]
            receipts |= _receipts(actor, replies, turn, answers)
            turns += turn.until is None or turn.until.search(_heard(answers)) is not None
        said = _system(request) + "\n" + _heard(messages)
        captured = {name: found[-1] for name, pattern in self.captures.items() if (found := pattern.findall(said))}
        return Place(turns, replies, begun.known | captured | receipts), _heard(heard[-1])

    def _sum_up(self, actor: Actor, place: Place, request: Json) -> Answer:
        """A summary of the request, or how it comes that there is none."""
        content = [summary.block(actor.name, place)] if self.compaction == "offered" else []
        taken = usage(request, content)
        message = {
            **_reply(f"msg_{actor.name}_{place.replies:02}_sum", request, content),
            "stop_reason": "compaction" if content else "refusal",
            "usage": dict.fromkeys(taken, 0) | {"iterations": [{"type": "compaction", **taken}]},
        }
        fault = Fault(400, None, None, None) if self.compaction == "refused" else None
        return Answer(actor.name, place.turns, message, fault)

    def _message(self, actor: Actor, turn: Turn, place: Place, request: Json) -> Json:
        """The turn as a message of the API. Ids follow from actor, message and call alone."""
        number = place.replies + 1
        content: list[Json] = []
        if turn.think is not None:
            content.append({"type": "thinking", "thinking": turn.think, "signature": "c2NyaXB0ZWQ="})
        if turn.say is not None:
            content.append({"type": "text", "text": _filled(turn.say, turn, place.known)})
        for position, call in enumerate(turn.calls, 1):
            content.append(
                {
                    "type": "tool_use",
                    "id": _call_id(actor, number, position),
                    "name": call.tool,
                    "input": _filled(call.input, turn, place.known),
                }
            )
        return {
            **_reply(f"msg_{actor.name}_{number:02}", request, content),
            "stop_reason": turn.stop_reason,
            "usage": usage(request, content) | turn.usage,
        }


def _reply(name: str, request: Json, content: list[Json]) -> Json:
    head = {"id": name, "type": "message", "role": "assistant", "model": request["model"]}
    return {**head, "content": content, "stop_sequence": None}


def _spoken(request: Json) -> list[Json]:
    """The messages without a summary that is one of its own."""
    messages: list[Json] = request["messages"]
    return messages[1:] if messages[0]["role"] == "assistant" else messages


def _call_id(actor: Actor, number: int, position: int) -> str:
    return f"toolu_{actor.name}_{number:02}_{position}"


def _receipts(actor: Actor, number: int, turn: Turn, answers: list[Json]) -> dict[str, str]:
    """The receipts of a turn's named calls, as templates ask for them, in the answers to its message."""
    names = {_call_id(actor, number, position): call.name for position, call in enumerate(turn.calls, 1) if call.name}
    results = [block for message in answers for block in message["content"] if isinstance(block, dict)]
    return {
        f"receipt {names[block['tool_use_id']]}": found[-1]
        for block in results
        if block.get("tool_use_id") in names and (found := _RECEIPT.findall("\n".join(_texts([block]))))
    }


def _filled(value: Any, turn: Turn, known: dict[str, str]) -> Any:
    """The value with every `{{name}}` in its strings replaced by what is known under that name."""

    def found(template: re.Match[str]) -> str:
        if template[1] not in known:
            raise ScreenplayError(f"{turn.where}: nothing said so far gives {template[0]}")
        return known[template[1]]

    match value:
        case str():
            return _TEMPLATE.sub(found, value)
        case dict():
            return {key: _filled(item, turn, known) for key, item in value.items()}
        case list():
            return [_filled(item, turn, known) for item in value]
    return value


def _actor(actors: Section, name: str, captures: frozenset[str]) -> Actor:
    section = actors.section(name)
    section.expect_keys("match", "turns")
    match = section.pattern("match")
    turns = tuple(map(_turn, section.sections("turns")))
    if match is None or not turns or not re.fullmatch(r"[\w-]+", name, re.ASCII):
        raise ScreenplayError(f"{section.where}: an actor has a plain name, 'match' and 'turns': {name}")
    known = captures | {f"receipt {call.name}" for turn in turns for call in turn.calls}
    for turn in turns:
        for template in _TEMPLATE.findall(json.dumps([turn.say, [call.input for call in turn.calls]])):
            if template not in known:
                raise ScreenplayError(f"{turn.where}: {{{{{template}}}}} is no capture and no named call's receipt")
    return Actor(name, match, turns)


def _turn(section: Section) -> Turn:
    section.expect_keys("think", "say", "calls", "expect", "until", "stop_reason", "usage", "fault")
    calls = tuple(_call(call) for call in section.sections("calls"))
    say, think = section.text("say"), section.text("think")
    silent = not calls and not (say or "").strip()
    if silent and "fault" not in section:
        raise ScreenplayError(f"{section.where}: a turn needs 'say', 'calls' or 'fault'")
    if silent and "times" in section.section("fault"):
        raise ScreenplayError(f"{section.where}: a fault that ends after some 'times' needs 'say' or 'calls' to follow")
    given = section.section("usage")
    given.expect_keys(*_USAGE)
    return Turn(
        where=section.where,
        think=think,
        say=say,
        calls=calls,
        expect=section.pattern("expect"),
        until=section.pattern("until"),
        stop_reason=section.text("stop_reason") or ("tool_use" if calls else "end_turn"),
        usage={name: int(given.number(name) or 0) for name in given},
        fault=_fault(section.section("fault"), None if silent else 1) if "fault" in section else None,
    )


def _call(section: Section) -> Call:
    if len(section) != 1:
        raise ScreenplayError(f"{section.where}: a call is one tool name with its input, as in `- Read: {{…}}`")
    ((key, given),) = section.items()
    tool, _, name = key.partition(" as ")
    if not isinstance(given, Section | str | None):
        raise ScreenplayError(f"{section.where}: the input of {tool} must be a mapping (or text that is not JSON)")
    return Call(tool, name or None, {} if given is None else given)


def _fault(section: Section, times: int | None) -> Fault:
    section.expect_keys("status", "stream", "retry_after", "times")
    status, stream = section.number("status"), section.text("stream")
    if (status in STATUSES) == (stream in STREAMS):
        known = f"'status' ({', '.join(map(str, STATUSES))}) or 'stream' ({', '.join(STREAMS)})"
        raise ScreenplayError(f"{section.where}: a fault has either {known}")
    given = section.number("times")
    return Fault(
        None if status is None else int(status),
        stream,
        section.number("retry_after"),
        times if given is None else int(given),
    )


def _capture(names: Section, name: str) -> re.Pattern[str]:
    pattern = names.pattern(name)
    if pattern is None or pattern.groups != 1:
        raise ScreenplayError(f"{names.where}: the capture {name} needs a regular expression with one group")
    return pattern


def _system(request: Json) -> str:
    system = request.get("system") or ""
    return system if isinstance(system, str) else "\n".join(block["text"] for block in system)


def _heard(messages: list[Json]) -> str:
    """What the user messages say: their text and that of their tool results, a block a line."""
    return "\n".join(text for message in messages if message["role"] == "user" for text in _texts(message["content"]))


def _texts(content: str | list[Json]) -> list[str]:
    if isinstance(content, str):
        return [content]
    texts = []
    for block in content:
        match block["type"]:
            case "text":
                texts.append(block["text"])
            case "tool_result":
                texts += _texts(block.get("content") or "")
    return texts
