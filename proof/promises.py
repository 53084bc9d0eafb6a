"""What is promised to people who edit documents, each with what it is counted in."""

from __future__ import annotations

LOST = "a word that somebody saved is never lost"
INSTANT = "nor one saved in the middle of a commit"
DEAD = "nor one saved around a death"
DOUBLED = "a word that somebody typed once is there once"
SAME = "a line that nothing concerns stays byte-identical"
READS_BACK = "what was rendered reads back as no change"
OBEYED = "an edit that was obeyed is no edit any more"
WORDED = "an edit is rendered or recorded word for word"
TICKED = "a tick by hand arrives"
LAST = "of all that is saved from one buffer the last is obeyed"
IN_STEP = "all documents are in step after it"
AGAIN = "a second refresh changes nothing"
UNREAD = "swap files and backups are not read, moved or changed"
WORKS = "no text makes a command fail"
CLAIMS = {
    LOST: "words",
    INSTANT: "words",
    DEAD: "words",
    DOUBLED: "words",
    SAME: "lines",
    READS_BACK: "documents",
    OBEYED: "edits",
    WORDED: "edits",
    TICKED: "ticks",
    LAST: "words",
    IN_STEP: "documents",
    AGAIN: "refreshes",
    UNREAD: "files",
    WORKS: "commands",
}


class Broken(Exception):
    """What was claimed does not hold."""

    def __init__(self, claim: str, words: str) -> None:
        super().__init__(words)
        self.claim = claim
