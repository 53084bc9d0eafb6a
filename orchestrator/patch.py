"""What happened to a file, as a patch that `git apply` takes."""

from __future__ import annotations

import base64
import difflib
import hashlib
import io
import zlib
from collections.abc import Iterator

from orchestrator import names

_NONE = b"/dev/null"
_LITERAL = 52
"""Bytes a line of git's binary patches."""


def is_binary(*contents: bytes | None) -> bool:
    """As git sees it: a NUL near the beginning."""
    return any(b"\0" in content[:8000] for content in contents if content)


def patch(path: str, before: bytes | None, after: bytes | None) -> bytes:
    """The file's patch: unified, or git's own for binary content. None: there is no file."""
    old, new = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    head = [b"diff --git %s %s" % (old, new)]
    if before is None:
        head.append(b"new file mode 100644")
    elif after is None:
        head.append(b"deleted file mode 100644")
    if is_binary(before, after):
        head += [b"index %s..%s" % (_blob(before), _blob(after)), b"GIT binary patch"]
        return b"\n".join([*head, *_literal(after or b""), b"", *_literal(before or b""), b"", b""])
    hunks = list(difflib.diff_bytes(difflib.unified_diff, _lines(before), _lines(after)))[2:]
    if hunks:  # an empty file that came or went has none
        head += [b"--- " + (_NONE if before is None else _tabbed(old))]
        head += [b"+++ " + (_NONE if after is None else _tabbed(new))]
    whole = (line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n" for line in hunks)
    return b"\n".join(head) + b"\n" + b"".join(whole)


def _lines(content: bytes | None) -> list[bytes]:
    """Each with its newline, which is all that ends one for git."""
    return io.BytesIO(content or b"").readlines()


def _quoted(name: str) -> bytes:
    """A name as git writes it: in quotes, escaped, when it holds what would end the line."""
    text = names.meant(name)
    if not any(byte < 0x20 or byte in b'"\\\x7f' for byte in text):
        return text
    return b'"%s"' % b"".join(b"\\%03o" % byte if byte < 0x20 or byte in b'"\\\x7f' else bytes([byte]) for byte in text)


def _tabbed(name: bytes) -> bytes:
    """A tab ends a name with a space in it, as for git and patch."""
    return name + b"\t" if b" " in name else name


def _blob(content: bytes | None) -> bytes:
    """git's name for a content; zeros for no file."""
    if content is None:
        return b"0" * 40
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest().encode()


def _literal(content: bytes) -> Iterator[bytes]:
    """A whole content in git's base 85, each line led by its length: A to Z, then a to z."""
    yield b"literal %d" % len(content)
    packed = zlib.compress(content)
    for start in range(0, len(packed), _LITERAL):
        part = packed[start : start + _LITERAL]
        length = len(part) + (64 if len(part) <= 26 else 70)
        yield bytes([length]) + base64.b85encode(part, pad=True)
