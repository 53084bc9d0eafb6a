"""`orchestrator`, and `python -m orchestrator`."""

import atexit
import gc
import sys

gc.set_threshold(100_000, 20, 20)  # what a start loads stays: by default it is searched for garbage again and again
atexit.register(gc.freeze)  # and once more at the end; together a fifth of the time of `--help`

from orchestrator.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
