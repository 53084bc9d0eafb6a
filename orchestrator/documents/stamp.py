"""The stamp: which task and revision a text was rendered from, and the digest of what was rendered.

Markdown carries it in the last line, the status JSON in its last key, `sync`, together with the stamps of the other
documents: the manifest by which a reader without a lock knows that its set belongs together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.documents.markdown import line_ending
from orchestrator.documents.status_json import dump, load
from orchestrator.events import Json, Kind
from orchestrator.task import Published, digest

_DIGEST = re.compile("[0-9a-f]{64}")
_STAMP = re.compile(
    r"^<!-- orchestrator ([A-Z0-9]{6}) r([0-9]{1,18}) sha256:([0-9a-f]{64})( no-newline)? -->[ \t]*\r?(?:\n|\Z)", re.M
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """`intact`: the digest fits the body. In the status JSON only: `documents`, the others of the set; no `task`."""

    task: str | None
    revision: int
    digest: str
    intact: bool
    documents: Mapping[str, Published] = field(default_factory=dict)


def stamp_markdown(task_id: str, revision: int, body: str) -> str:
    """The text of a Markdown document: the body, then the stamp line."""
    ending = line_ending(body)
    gap, mark = ("", "") if body.endswith("\n") else (ending, " no-newline")
    return f"{body}{gap}<!-- orchestrator {task_id} r{revision} sha256:{digest(body)}{mark} -->{ending}"


def unstamp_markdown(text: str) -> tuple[str, Stamp | None]:
    """The body and the stamp of a Markdown document.

    A stamp that is not the last line, or not the only one, is taken out of the body and reported as not intact.
    """
    found = list(_STAMP.finditer(text))
    if not found:
        return text, None
    last = found[-1]
    body = _STAMP.sub("", text)
    at_end = last.end() == len(text)
    if at_end and last[4]:
        body = body.removesuffix("\r\n" if "\r" in last[0] else "\n")
    intact = at_end and len(found) == 1 and digest(body) == last[3]
    return body, Stamp(last[1], int(last[2]), last[3], intact)


def stamp_status(body: str, revision: int, manifest: Mapping[Kind, Published]) -> str:
    """The text of the status JSON: a body, as it was rendered, with `sync` as its last key."""
    documents = {kind: {"revision": row.revision, "digest": row.digest} for kind, row in manifest.items()}
    sync = {"revision": revision, "digest": digest(body), "documents": documents}
    return body.removesuffix("\n}\n") + "," + dump({"sync": sync}).removeprefix("{")


def unstamp_status(text: str) -> tuple[str, Stamp | None]:
    """The body, without `sync` and in the one white space we use, and the stamp.

    Raises ValueError for broken JSON, and for a `sync` that holds anything but a stamp: it would be lost with it.
    """
    data = load(text)
    if "sync" not in data:
        return dump(data), None
    sync = data.pop("sync")
    listed = sync.pop("documents", {}) if isinstance(sync, dict) else {}
    own, documents = _published(sync), {kind: _published(row) for kind, row in listed.items()}
    body = dump(data)
    return body, Stamp(None, own.revision, own.digest, own.digest == digest(body), documents)


def _published(row: object) -> Published:
    if isinstance(row, dict) and row.keys() == {"revision", "digest"}:
        fields: Json = row
        revision, published = fields["revision"], fields["digest"]
        if type(revision) is int and isinstance(published, str) and _DIGEST.fullmatch(published):
            return Published(revision, published)
    raise ValueError("the key `sync` is the engine's and holds no more than its stamp")
