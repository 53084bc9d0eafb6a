"""What every document can do: be rendered from a task, and be read back as a diff."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from orchestrator.documents import header
from orchestrator.documents.draft import Diff, Draft
from orchestrator.documents.edits import Edits
from orchestrator.documents.file_names import file_name
from orchestrator.documents.markdown import BEGIN, END, NOTHING, Page, page
from orchestrator.documents.stamp import unstamp_markdown
from orchestrator.events import Kind, ProseWritten, TextEdited
from orchestrator.mentions import moved, relocate, relocated
from orchestrator.task import Task


class Document(Protocol):
    """One kind of document. Bodies are texts without their stamp."""

    kind: Kind

    def exists(self, task: Task) -> bool:
        """True when the task is to have it now."""
        ...

    def render(self, task: Task) -> str:
        """The body."""
        ...

    def diff(self, task: Task, text: str) -> Diff:
        """What a body that somebody wrote says otherwise than `render`."""
        ...


class Binding(Protocol):
    """One sort of facts in a Markdown document. `heading`: of the section that is theirs."""

    heading: str

    def sections(self, task: Task) -> Mapping[str, Sequence[str]]:
        """Where nobody else has written: by heading, the lines that say them."""
        ...

    def weave(self, edits: Edits, task: Task, known: Task | None) -> None:
        """Make the page say them; those that `known` had already need not be said."""
        ...

    def changes(self, draft: Draft, page: Page, shown: Page) -> None:
        """Propose what the page says otherwise than the shown one."""
        ...


def adopted(task: Task, kind: Kind) -> Task | None:
    """What was true when somebody else's text became this document, None when the document was always ours.

    Such a text need not say what was true already; what happens later it must.
    """
    return (task.adopted[kind] or task) if kind in task.adopted else None


class MarkdownDocument:
    """A Markdown document: header lines, sections, and last a section of free text.

    `otherwise` is the free text while nobody has written one. `when` says which tasks have the document; the default
    is those in full mode.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        title: str,
        labels: Callable[[Task], tuple[str, ...]],
        bindings: tuple[Binding, ...],
        prose: str | None = None,
        otherwise: Callable[[Task], str | None] = lambda task: None,
        when: Callable[[Task], bool] = lambda task: task.mode == "full",
    ) -> None:
        self.kind: Kind = kind
        self._when = when
        self._title = title
        self._labels = labels
        self._bindings = bindings
        self._prose = prose
        self._otherwise = otherwise
        self._sections = frozenset(binding.heading for binding in bindings)

    def exists(self, task: Task) -> bool:
        return self._when(task)

    def render(self, task: Task) -> str:
        gone = moved(task)
        known = adopted(task, self.kind)
        task = relocated(task, gone)
        if (base := task.texts.get(self.kind)) is None:
            return self._of_our_own(task)
        edits = Edits(self._said_page(task, base))
        ours = edits.page.ours
        known = None if ours or known is None else relocated(known, gone)
        header.weave(edits, task, known)
        for binding in self._bindings:
            binding.weave(edits, task, known)
        self._weave_prose(edits, task, known)
        if ours:
            headings = (heading for binding in self._bindings for heading in binding.sections(task))
            edits.unmark({heading.casefold() for heading in (*self._sections, *headings)})
        return edits.text()

    def _of_our_own(self, task: Task) -> str:
        """The text while nobody else has written one."""
        lines = [self._title_line(task), "", *(header.line(task, label) for label in self._labels(task)), ""]
        for binding in self._bindings:
            for heading, rows in binding.sections(task).items():
                lines += [f"## {heading}", "", *(rows or (NOTHING,)), ""]
        if self._prose:
            lines += [f"## {self._prose}", "", self._written(task) or NOTHING, ""]
        return "\n".join(lines)

    def diff(self, task: Task, text: str) -> Diff:
        """What the text says otherwise than `render`, as events `apply` accepts from an editor."""
        now = self.render(task)
        if text == now:
            return Diff()
        said, shown = self._said_page(task, relocate(text, moved(task))), self._page(task, now)
        known = adopted(task, self.kind)
        first = not said.ours and self.kind not in task.documents
        draft = Draft(task, file_name(self.kind, task.id), adopting=first)
        if said.ours:
            known = None
        elif first:
            known = task
        header.changes(draft, said, shown, known)
        for binding in self._bindings:
            binding.changes(draft, said, shown)
        self._prose_changes(draft, said, shown)
        if draft.task.texts.get(self.kind) != text and self.render(draft.task) != text:
            draft.propose(TextEdited(document=self.kind, text=text))
        return draft.diff()

    def _page(self, task: Task, text: str) -> Page:
        return page(text, self._title_line(task), self._prose, self._sections)

    def _said_page(self, task: Task, text: str) -> Page:
        """The page of a text somebody wrote; never ours when it was there before the task was adopted."""
        before = task.by_hand and (self.kind in task.adopted or self.kind not in task.documents)
        return page(text, "", self._prose, self._sections) if before else self._page(task, text)

    def _title_line(self, task: Task) -> str:
        return f"# {self._title} – {task.id}"

    # -- free text -------------------------------------------------------------

    def _weave_prose(self, edits: Edits, task: Task, known: Task | None) -> None:
        wanted = self._written(task)
        if self._said(edits.page) == wanted or (known is not None and self._written(known) == wanted):
            return
        if edits.page.prose is not None:
            edits.write_prose(wanted)
        elif self._prose:
            edits.place(self._prose, wanted.split("\n"))

    def _prose_changes(self, draft: Draft, page: Page, shown: Page) -> None:
        said = self._said(page)
        if said != self._said(shown) and not (draft.adopting and page.prose is None):
            draft.propose(ProseWritten(document=self.kind, text=said))

    def _said(self, page: Page) -> str:
        return _canonical("\n".join(page.lines[page.prose.start : page.prose.stop])) if page.prose else ""

    def _written(self, task: Task) -> str:
        text = task.prose.get(self.kind)
        return _canonical((self._otherwise(task) if text is None else text) or "")


@lru_cache(maxsize=256)
def _canonical(text: str) -> str:
    """A free text as it is compared: without our marks, carriage returns, empty lines around it and `None` above it."""
    lines = [line.rstrip("\r") for line in unstamp_markdown(text)[0].split("\n")]
    kept = [line for line in lines if line.rstrip() not in (BEGIN, END)]
    while kept and not kept[-1].strip():
        kept.pop()
    while kept and kept[0].strip() in ("", NOTHING):
        kept.pop(0)
    return "\n".join(kept)
