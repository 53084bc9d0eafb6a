"""Which commands run without asking: rules in the form agents' settings already have.

`Bash` allows all, `Bash(npm test)` that command exactly, `Bash(npm test:*)` (or `Bash(npm test *)`) whatever begins
with these words. Of a compound command every part must be allowed. A pattern never allows what it cannot judge:
substitutions, redirections to files, the background, subshells, comments, assignments, a shell inside the shell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from orchestrator.errors import UsageError

_RULE = re.compile(r"Bash(?:\((?P<text>.+)\))?", re.DOTALL)
_HARMLESS = re.compile(r"(?<![^\s;|&])(?:[12]?>&[12]|[12&]?>>?[ \t]*/dev/null)(?=[\s;|&]|\Z)")
_SEPARATOR = re.compile(r"&&|\|\||;|\|(?!&)|\n")
_UNJUDGED = re.compile(r"\$[('\"\[]|[`<>&()#\r]|\|&")
_IN_QUOTES = re.compile(r"\$\(|`|\$\[")
_ASSIGNMENT = re.compile(r"\w+(?:\[.*\])?\+?=")
_STEPS_DOWN = re.compile(r"cd [\w@+][\w@+./-]*", re.ASCII)
_OTHER_USERS = {"sudo", "doas", "su", "eval", "exec", "source", "."}
_SHELLS = re.compile(r"(?:\S*/)?(?:ba|da|z|k|a|fi)?sh")


class Permissions:
    """The commands a worker may run unasked. Raises UsageError for a rule it cannot read."""

    def __init__(self, allow: Iterable[str] = (), *, everything: bool = False) -> None:
        self.everything = everything
        self.exact: set[str] = set()
        self.prefixes: set[str] = set()
        for rule in allow:
            self._add(rule)

    def allows(self, command: str) -> bool:
        """True when the rules allow it; whoever else may decide is asked otherwise."""
        command = command.strip(" \t\n")
        if self.everything or command in self.exact:
            return True
        parts = _parts(command)
        return bool(parts) and all(self._allows_part(part) for part in parts)

    def _add(self, rule: str) -> None:
        read = _RULE.fullmatch(rule.strip())
        if read is None:
            raise UsageError(f"not a rule: {rule!r}: write Bash, Bash(npm test) or Bash(npm test:*)")
        text = (read["text"] or "*").strip()
        prefix = text.removesuffix(":*") if text.endswith(":*") else text.removesuffix(" *")
        if text == "*":
            self.everything = True
        elif "*" in prefix or not prefix.strip():
            raise UsageError(f"not a rule: {rule!r}: a star stands only at the end, as in Bash(npm test:*)")
        elif prefix != text:
            self.prefixes.add(prefix.strip())
        else:
            self.exact.add(text)

    def _allows_part(self, part: str) -> bool:
        if part in self.exact or (_STEPS_DOWN.fullmatch(part) and ".." not in part):
            return True
        words = part.split()
        if _ASSIGNMENT.match(words[0]) or _OTHER_USERS.intersection(words):
            return False
        if any(_SHELLS.fullmatch(word) for word in words) and any(re.match(r"-\w*c", word) for word in words):
            return False
        return any(re.match(re.escape(prefix) + r"(?:[ \t]|\Z)", part) for prefix in self.prefixes)


def _parts(command: str) -> list[str]:
    """The simple commands of a compound one; none for what cannot be judged by reading."""
    parts, start, place = [""], 0, 0
    while place < len(command):
        length = 1
        if command[place] == "\\":
            length = 2
        elif command[place] in "'\"":
            end = _quote_end(command, place)
            if end is None:
                return []
            length = end - place
        elif harmless := _HARMLESS.match(command, place):
            parts[-1] += command[start:place] + " "
            place = start = harmless.end()
            continue
        elif separator := _SEPARATOR.match(command, place):
            parts[-1] += command[start:place]
            parts.append("")
            place = start = separator.end()
            continue
        elif _UNJUDGED.match(command, place):
            return []
        place += length
    parts[-1] += command[start:]
    return [stripped for part in parts if (stripped := part.strip(" \t"))]


def _quote_end(command: str, start: int) -> int | None:
    """Just after the quote that closes the one at `start`; None when it does not close or holds a substitution."""
    pattern = r"'[^']*'" if command[start] == "'" else r'"(?:[^"\\]|\\.)*"'
    quoted = re.compile(pattern, re.DOTALL).match(command, start)
    if quoted is None or (command[start] == '"' and _IN_QUOTES.search(quoted[0])):
        return None
    return quoted.end()
