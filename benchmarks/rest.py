"""A rest before what creates files is measured.

At each creation an ext4 without a journal looks at all inodes that were deleted in the last 35 seconds (`recently_deleted`
in the kernel's fs/ext4/ialloc.c). Commits in a tight loop, and benchmarks before this one, delete thousands; agents,
who wait for a model, a few.
"""

import time

SECONDS = 36


def rest(quick: bool) -> None:
    """Wait until what was deleted before does not count any more."""
    if not quick:
        time.sleep(SECONDS)
