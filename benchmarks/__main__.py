"""Prints the table; names of figures choose some. `--quick` only shows that each can be measured.

Exits 1 when a target is missed, also for want of the peer, but for `--quick`, where nothing is to be told from the
figures.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module

import orchestrator.__main__  # noqa: F401  ours and the others run with what the command sets: how garbage is collected
from benchmarks.row import Row

FIGURES = (
    *("commit", "where", "turn", "workers", "fairness", "opening", "history", "start", "watch", "adopting", "checking"),
)
LINE = "{:<22} {:>8}  {:<22} {:>8} {:>6}  {:<6} {}"


def cells(row: Row) -> tuple[str, ...]:
    theirs = "absent" if row.theirs is None else f"{number(row.theirs)} {row.unit}".strip()
    ratio = "" if row.ratio is None else number(row.ratio)
    met = {None: "", True: "✓", False: "✗"}[row.met]
    return row.figure, f"{number(row.ours)} {row.unit}".strip(), row.peer, theirs, ratio, row.target, met


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 or value % 1 == 0 else f"{value:#.3g}".rstrip(".")


def main(words: list[str]) -> int:
    quick = "--quick" in words
    names = [word for word in words if word != "--quick"] or list(FIGURES)
    if unknown := set(names) - set(FIGURES):
        print(f"no figure {', '.join(sorted(unknown))}: there are {', '.join(FIGURES)}", file=sys.stderr)
        return 2
    begun, missed, absent = time.monotonic(), False, dict[str, None]()
    print(LINE.format("FIGURE", "OURS", "BESIDE", "THEIRS", "RATIO", "TARGET", "").rstrip())
    for name in names:
        for row in import_module(f"benchmarks.{name}").rows(quick):
            print(LINE.format(*cells(row)).rstrip(), flush=True)
            missed = missed or row.met is False
            absent |= {row.peer: None} if row.theirs is None else {}
    print(f"{time.monotonic() - begun:.0f} seconds")
    if absent:
        print(f"absent, so nothing is told beside them: {', '.join(absent)}: pip install -e '.[benchmarks]'")
    return int(missed and not quick)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
