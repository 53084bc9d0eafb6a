"""What receipts show: what was done to files all in all, what proves a checklist item, what a result may name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.events import FileChange, Json, Receipt

WORKSPACE = "/workspace"
"""What definitions call the workspace, wherever it is."""

_FILE = re.compile(r"[\w@()\[\]./-]*[\w)\]]\.[A-Za-z][A-Za-z0-9]{0,9}(?![\w/])", re.ASCII)
_PRODUCTS = {"node.js", "next.js", "vue.js", "express.js", "nest.js", "react.js", "three.js", "nuxt.js", "e.g", "i.e"}
_CREATED = ("files_created", "filesCreated")
_CHANGED = ("files_modified", "filesModified", "files_changed", "filesChanged", "files")


def local(name: str) -> str:
    """The name without `/workspace` at its beginning."""
    return re.sub(rf"\A{WORKSPACE}(?:/+|\Z)", "", name)


def named_files(text: str) -> tuple[str, ...]:
    """The file names an item's text mentions: `src/a.js`, `index.js`; product names such as Node.js are not files."""
    found = (local(match.strip("()[]")).removeprefix("./") for match in _FILE.findall(text))
    return tuple(name for name in found if name.lower() not in _PRODUCTS)


def touches(receipt: Receipt, name: str) -> bool:
    """True when the call read or changed the file, or its command names it; a shared change says nothing."""
    if receipt.command is not None and name in receipt.command:
        return True
    own = (change.path for change in receipt.files if not change.shared)
    return any(path == name or path.endswith("/" + name) for path in own)


@dataclass(frozen=True, slots=True)
class NetChange:
    """What a task did to a file, all in all. `alone`: nobody else changed it between the task's own changes.

    `shared`: a part of it may be somebody else's doing, see `FileChange`.
    """

    path: str
    before: str | None
    after: str | None
    alone: bool = True
    shared: bool = False

    @property
    def kind(self) -> Literal["created", "modified", "deleted"]:
        return "created" if self.before is None else "deleted" if self.after is None else "modified"


def net(changes: Iterable[FileChange]) -> dict[str, NetChange]:
    """By path, in their order, the files that a sequence of changes leaves other than they were."""
    found: dict[str, NetChange] = {}
    for change in changes:
        row = found.get(change.path, NetChange(change.path, change.before, change.before))
        alone = row.alone and row.after == change.before
        shared = row.shared or change.shared
        found[change.path] = NetChange(change.path, row.before, change.after, alone, shared)
    return {path: found[path] for path in sorted(found) if found[path].before != found[path].after}


def in_turn(changes: Iterable[FileChange]) -> Iterator[FileChange]:
    """The changes that several tasks made, by path, so that each follows, where it can, the one it goes on from."""
    by_path: dict[str, list[FileChange]] = defaultdict(list)
    for change in changes:
        by_path[change.path].append(change)
    for left in by_path.values():
        made = {change.after for change in left if change.before != change.after}
        change = next((change for change in left if change.before not in made), left[0])
        while True:
            left.remove(change)
            yield change
            if not left:
                break
            change = next((other for other in left if other.before == change.after), left[0])


def changed(receipts: Iterable[Receipt], paths: Collection[str]) -> tuple[str, ...]:
    """The ids of the receipts of calls that changed any of these files."""
    return tuple(
        receipt.id
        for receipt in receipts
        if any(change.path in paths and change.before != change.after for change in receipt.files)
    )


def flaw(
    text: str, added_at: int, cited: Sequence[str], receipts: Sequence[Receipt], undone: Collection[str] = ()
) -> str | None:
    """Why the cited receipts do not prove the item, or None when they do.

    `added_at` is how many receipts there were when the item was added: only later ones count, but for those `undone`.
    """
    if not cited:
        return "no evidence: cite the receipt (R1, R2 …) of the call that shows it"
    by_id = {receipt.id: index for index, receipt in enumerate(receipts) if receipt.id in cited}
    for reference in cited:
        if reference not in by_id:
            return f"there is no receipt {reference} in this task"
        index = by_id[reference]
        if receipts[index].outcome != "ok":
            return f"{reference} is the receipt of a call that did not succeed"
        if reference in undone:
            return f"what {reference} did to files was taken back by a person: it proves nothing any more"
        if index < added_at:
            return f"{reference} is older than the item: only what was done after the item was added can prove it"
    proof = [receipts[by_id[reference]] for reference in cited]
    for name in named_files(text):
        if not any(touches(receipt, name) for receipt in proof):
            return f"the item names {name}, which none of {', '.join(cited)} touched"
    return None


def unsupported(result: Json, changes: Iterable[FileChange]) -> Iterator[str]:
    """The claims of a declared result that no change supports: files said to be created or changed that were not."""
    found = net(changes)
    for key in (*_CREATED, *_CHANGED):
        names = result.get(key)
        for name in names if isinstance(names, list) else ():
            if not isinstance(name, str):
                continue
            change = found.get(_matching(name, found) or "")
            if change is None:
                yield f"{key} names {name}, which no call of this task changed"
            elif change.kind == "deleted":
                yield f"{key} names {name}, which is not there any more"
            elif key in _CREATED and change.kind != "created":
                yield f"{key} names {name}, which was there before this task"


def _matching(name: str, paths: Iterable[str]) -> str | None:
    """The path a declared name means: equal, or the end of an absolute name."""
    plain = local(name).removeprefix("./")
    return next((path for path in paths if plain == path or plain.endswith("/" + path)), None)
