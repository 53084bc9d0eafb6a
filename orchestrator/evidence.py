"""What counts as proof that a checklist item is done, and what a declared result may name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from orchestrator.events import Json, Receipt

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
    """True when the call read or changed the file, or its command names it."""
    if receipt.command is not None and name in receipt.command:
        return True
    return any(change.path == name or change.path.endswith("/" + name) for change in receipt.files)


def flaw(text: str, added_at: int, cited: Sequence[str], receipts: Sequence[Receipt]) -> str | None:
    """Why the cited receipts do not prove the item, or None when they do.

    `added_at` is how many receipts there were when the item was added: only later ones count.
    """
    if not cited:
        return "no evidence: cite the receipt (R1, R2 …) of the call that shows it"
    by_id = {receipt.id: index for index, receipt in enumerate(receipts)}
    for reference in cited:
        if reference not in by_id:
            return f"there is no receipt {reference} in this task"
        index = by_id[reference]
        if receipts[index].outcome != "ok":
            return f"{reference} is the receipt of a call that did not succeed"
        if index < added_at:
            return f"{reference} is older than the item: only what was done after the item was added can prove it"
    proof = [receipts[by_id[reference]] for reference in cited]
    for name in named_files(text):
        if not any(touches(receipt, name) for receipt in proof):
            return f"the item names {name}, which none of {', '.join(cited)} touched"
    return None


def unsupported(result: Json, receipts: Sequence[Receipt]) -> Iterator[str]:
    """The claims of a declared result that no receipt supports: files said to be created or changed that were not."""
    first: dict[str, str | None] = {}
    last: dict[str, str | None] = {}
    for receipt in receipts:
        for change in receipt.files:
            first.setdefault(change.path, change.before)
            last[change.path] = change.after
    for key in (*_CREATED, *_CHANGED):
        names = result.get(key)
        for name in names if isinstance(names, list) else ():
            if not isinstance(name, str):
                continue
            path = _matching(name, last)
            if path is None or last[path] == first[path]:
                yield f"{key} names {name}, which no call of this task changed"
            elif last[path] is None:
                yield f"{key} names {name}, which is not there any more"
            elif key in _CREATED and first[path] is not None:
                yield f"{key} names {name}, which was there before this task"


def _matching(name: str, paths: dict[str, str | None]) -> str | None:
    """The receipt path a declared name means: equal, or the end of an absolute name."""
    plain = local(name).removeprefix("./")
    return next((path for path in paths if plain == path or plain.endswith("/" + path)), None)
