"""Next steps: the bullets or numbers directly under their heading are the value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from orchestrator.documents.draft import Draft
from orchestrator.documents.edits import Edits
from orchestrator.documents.markdown import NOTHING, Page, plain
from orchestrator.events import NextStepsSet
from orchestrator.task import Task

_STEP = re.compile(r"((?:[-*+]|(\d{1,9})[.)])[ \t]+)(\S.*?)\s*")


class NextSteps:
    heading = "Next Steps"

    def sections(self, task: Task) -> Mapping[str, Sequence[str]]:
        return {self.heading: [f"- {step}" for step in _wanted(task)]}

    def read(self, page: Page) -> list[tuple[int, re.Match[str]]]:
        steps = []
        for number in page.section(self.heading) or ():
            line = page.lines[number]
            if number not in page.code and (match := _STEP.fullmatch(line)):
                steps.append((number, match))
            elif line.strip() not in ("", NOTHING) and not line.startswith((" ", "\t")):
                break
        return steps

    def weave(self, edits: Edits, task: Task, known: Task | None) -> None:
        steps = self.read(edits.page)
        said, wanted = _keys(steps), _wanted(task)
        if said == wanted or (not steps and known is not None and _wanted(known) == wanted):
            return
        if not steps:
            edits.place(self.heading, [f"- {step}" for step in wanted])
            return
        for operation, top, bottom, first, last in SequenceMatcher(None, said, wanted, autojunk=False).get_opcodes():
            if operation == "equal":
                continue
            common = min(bottom - top, last - first)
            for offset in range(common):
                number, match = steps[top + offset]
                edits.put(number, match[1] + wanted[first + offset])
            for number, _ in steps[top + common : bottom]:
                edits.cut(number)
            if more := wanted[first + common : last]:
                number, match = steps[max(top + common - 1, 0)]
                lead = match[1] if match[2] is None else "- "
                edits.add(number - (top + common == 0), [lead + step for step in more])

    def changes(self, draft: Draft, page: Page, shown: Page) -> None:
        steps = self.read(page)
        if draft.adopting and not steps:
            return
        if _keys(steps) != _keys(self.read(shown)):
            draft.propose(NextStepsSet(steps=tuple(match[3] for _, match in steps)))


def _keys(steps: list[tuple[int, re.Match[str]]]) -> list[str]:
    return [plain(match[3]) for _, match in steps]


def _wanted(task: Task) -> list[str]:
    return [plain(step) for step in task.next_steps if step.strip()]
