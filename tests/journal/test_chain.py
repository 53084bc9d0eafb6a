"""A line of a journal is whole, or it is none."""

from __future__ import annotations

import pytest

from orchestrator import chain


@pytest.mark.parametrize("end", [b"", b'"}', b'"}\0', b"\0\0\0", b'"}x'])
def test_a_line_whose_last_bytes_are_not_written_is_not_whole(end: bytes) -> None:
    """As where a sector ends just behind its sum."""
    line, total = chain.sign(b'{"revision":1', "")
    assert chain.check(line, "") == (b'{"revision":1', total)
    with pytest.raises(ValueError, match="not a whole line"):
        chain.check(line.removesuffix(b'"}\n') + end, "")
