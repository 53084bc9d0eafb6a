"""What people make of a text: lines ticked, reworded, moved, typed and taken out, each typed word a new one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

from orchestrator.documents.markdown import line_ending, plain
from orchestrator.events import Kind

WORD = re.compile(rb"q[0-9]+z[0-9]+z")
"""A word that somebody typed, and nobody else has."""
BOX = re.compile(r"([ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\[)([ xX]|[✅✓✔☑]\ufe0f?)(\][ \t]+)(\S.*?)(\s*)")
_FENCE = re.compile(r"[ \t]*(```|~~~)")
_AROUND = (
    "{}",
    "write {} now",
    "✅ {} 🚀👩‍👩‍👧",
    "שלום {} עולם",
    "مرحبا {}",
    "\ttab {}\ttab",
    "**{}** and `code`",
    "| {} | b |",
    "{} nbsp\u00a0end",
    "{}  ",
    "e\u0301 {} ﬁ",
    "{}: [x] box <b>",
    "C:\\{}\\n \\u0041",
    "line\u2028separator {}",
)
_LONG = 1_000_000


class Editor:
    """Somebody at a text. `number` makes their words their own; `ticks` says how they left an item they ticked."""

    def __init__(self, rng: Random, number: int) -> None:
        self.rng = rng
        self.ticks: dict[str, bool] = {}
        self._number = number
        self._typed = 0

    def word(self) -> str:
        self._typed += 1
        return f"q{self._number}z{self._typed}z"

    def phrase(self) -> str:
        return self.rng.choice(_AROUND).format(self.word())

    def changed(self, kind: Kind, data: bytes) -> bytes:
        """The text after a few changes."""
        self.ticks = {}
        text = data.decode()
        text = self._status(text) if kind == "task-status" else self._markdown(text)
        if kind == "checklist":
            self._forget_uncertain(data.decode(), text)
        else:
            self.ticks = {}
        changed = text.encode()
        if self.rng.random() < 0.01:
            self.ticks = {}
            spoilt = self.rng.choice([b"\xff\xfe ", b"\0"])
            return changed + spoilt + self.phrase().encode()
        return changed

    # -- markdown --------------------------------------------------------------

    def _markdown(self, text: str) -> str:
        ending = line_ending(text)[:-1]
        rows = text.split("\n")
        changes = (self._tick, self._reword, self._reorder, self._insert, self._block, self._cut, self._copy)
        for change in self.rng.choices(changes, (5, 4, 2, 6, 3, 2, 1), k=self.rng.randint(1, 4)):
            change(rows, ending)
        return self._finished("\n".join(rows))

    def _tick(self, rows: list[str], ending: str) -> None:
        boxes = [(index, match) for index, row in enumerate(rows) if (match := BOX.fullmatch(row))]
        if boxes:
            index, match = self.rng.choice(boxes)
            ticked = match[2] == " "
            rows[index] = match[1] + ("x" if ticked else " ") + match[3] + match[4] + match[5]
            self.ticks[plain(match[4])] = ticked

    def _reword(self, rows: list[str], ending: str) -> None:
        index = self.rng.randrange(len(rows))
        line = rows[index].removesuffix("\r")
        place = self.rng.choice([len(line), len(line), self.rng.randint(0, len(line))])
        rows[index] = line[:place] + " " + self.phrase() + line[place:] + rows[index][len(line) :]

    def _reorder(self, rows: list[str], ending: str) -> None:
        one, other = (self.rng.randrange(len(rows)) for _ in range(2))
        if self.rng.random() < 0.5:
            rows[one], rows[other] = rows[other], rows[one]
        else:
            moved = rows[one : one + 3]
            del rows[one : one + 3]
            rows[other:other] = moved

    def _insert(self, rows: list[str], ending: str) -> None:
        line = self.rng.choice(
            (
                "{}",
                "{}",
                "- {}",
                "- [ ] {}",
                "  * [x] {}",
                "1. [X] {}",
                "1. {}",
                "## {}",
                "### {}",
                "> {}",
                "- **{}** [pending] new",
                "- **w{}** [In Progress ✅] new",
                "- **D7** {}",
                "  - Rationale: {}",
                "- **B7** {}",
                "**Phase**: {}",
                "**Owner**: {}",
                "<!-- {} -->",
                "    {}",
                "\t{}",
            )
        )
        line = line.format(self.word() if line.startswith("- **{") or "**w" in line else self.phrase())
        if self.rng.random() < 0.01:
            line += " " + "long " * (_LONG // 5)
        rows.insert(self.rng.randint(0, len(rows)), line + ending)

    def _block(self, rows: list[str], ending: str) -> None:
        """Several lines that belong together."""
        word, mark = self.phrase(), self.rng.choice(["```", "~~~~"])
        block = self.rng.choice(
            (
                ["", mark + "sh", f"echo {word}", "# no heading", "- no item", mark, ""],
                ["", "| a | b |", "|---|---|", f"| {word} | 2 |", ""],
                ["", "", f"A paragraph {word}", "of two lines.", ""],
                ["", f"## {self.word()}", "", f"- [ ] {word}", f"- [x] {self.word()}", ""],
                [mark, f"left open {word}"],
                ["---", f"{word}", "---"],
            )
        )
        place = self.rng.choice([len(rows) - 1, self.rng.randint(0, len(rows))])
        rows[place:place] = [row + ending for row in block]

    def _cut(self, rows: list[str], ending: str) -> None:
        index = self.rng.randrange(len(rows))
        del rows[index : index + self.rng.randint(1, 3)]
        rows.extend([""] * (not rows))

    def _copy(self, rows: list[str], ending: str) -> None:
        rows.insert(self.rng.randint(0, len(rows)), self.rng.choice(rows))

    def _finished(self, text: str) -> str:
        """What an editor does to all of a text when it saves it."""
        chance = self.rng.random()
        if chance < 0.06:
            return re.sub(r"\r?\n", "\r\n", text)
        if chance < 0.08:
            return text.replace("\r\n", "\n")
        if chance < 0.14:
            return text.rstrip("\r\n")
        if chance < 0.17:
            return re.sub(r"[ \t]+(\r?)$", r"\1", text, flags=re.M)
        if chance < 0.19:
            return "\n".join(row for row in text.split("\n") if not row.startswith("<!-- orchestrator "))
        if chance < 0.20:
            return "\ufeff" + text
        return text

    def _forget_uncertain(self, before: str, text: str) -> None:
        """Of ticks only those are claimed that nothing else of the text puts in doubt."""
        had, has = _boxes(before), _boxes(text)
        self.ticks = {
            item: ticked
            for item, ticked in self.ticks.items()
            if (had.get(item), has.get(item)) == ([not ticked], [ticked])
        }

    # -- the status ------------------------------------------------------------

    def _status(self, text: str) -> str:
        if self.rng.random() < 0.1:
            place = self.rng.randint(0, len(text))
            return text[:place] + f'" {self.word()} ' + text[place:]
        data = json.loads(text)
        changes: tuple[Callable[[Any], None], ...] = (self._key, self._row, self._decision, self._phase)
        for change in self.rng.choices(changes, k=self.rng.randint(1, 3)):
            change(data)
        indent = self.rng.choice([2, 2, 2, None, 4])
        return json.dumps(data, indent=indent, ensure_ascii=self.rng.random() < 0.3) + "\n" * self.rng.randint(0, 1)

    def _key(self, data: Any) -> None:
        spots: list[Any] = [data]
        for spot in spots:
            within = spot.values() if isinstance(spot, dict) else spot
            spots.extend(row for row in within if isinstance(row, dict | list))
        spot = self.rng.choice([spot for spot in spots if isinstance(spot, dict)])
        spot[self.word()] = {"x": [1, self.phrase()]}

    def _row(self, data: Any) -> None:
        rows = [row for row in data.get("workstreams", ()) if isinstance(row, dict)]
        if rows:
            row, key = self.rng.choice(rows), self.rng.choice(["status", "notes", "description", "notes"])
            status = self.rng.choice(["pending", "in-progress", "completed", "Done ✅", "nonsense"])
            row[key] = status if key == "status" else self.phrase()

    def _decision(self, data: Any) -> None:
        if isinstance(data.get("decisions"), list):
            data["decisions"].append({"decision": self.phrase(), "rationale": self.phrase(), self.word(): 1})

    def _phase(self, data: Any) -> None:
        data["phase"] = self.phrase()


def _boxes(text: str) -> dict[str, list[bool]]:
    """Which items a text has above its first block of code, and whether they are ticked."""
    found: dict[str, list[bool]] = {}
    for row in text.split("\n"):
        if _FENCE.match(row):
            break
        if match := BOX.fullmatch(row):
            found.setdefault(plain(match[4]), []).append(match[2] != " ")
    return found
