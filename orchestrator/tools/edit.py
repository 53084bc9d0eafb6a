"""Edit: a part of a file replaced."""

from __future__ import annotations

import re

from pydantic import Field

from orchestrator.tools.change import CURRENT, Change, encoded
from orchestrator.tools.tool import Tool, ToolInput
from orchestrator.workspace import File, mistake


class EditInput(ToolInput):
    """Replace a text in a file by another.

    `old_string` must be in the file exactly, and once unless `replace_all` is set: include enough of the lines around
    it. Take it from what Read shows after the line number and the tab. An empty `old_string` creates a new file.
    """

    file_path: str = Field(description="The file, absolute or relative to the workspace")
    old_string: str = Field(description="The text to replace")
    new_string: str = Field(description="The text to put in its place; must differ")
    replace_all: bool = Field(default=False, description="Replace every occurrence")


class Edit(Change):
    name = "Edit"
    input: type[ToolInput] = EditInput
    reads_first = False  # the text to be replaced, which must be there, shows that the agent knows it

    def altered(self, given: EditInput, file: File, old: bytes | None) -> bytes:
        if given.old_string == given.new_string:
            raise mistake("No changes to make: old_string and new_string are exactly the same.")
        if not given.old_string:
            if old:
                raise mistake("Cannot create new file - file already exists.")
            return encoded(given.new_string)
        if old is None:
            raise file.absent()
        text = old.decode("utf-8", "surrogateescape")
        wanted, replacement = given.old_string, given.new_string
        if wanted not in text and "\r\n" in text:  # Read shows no carriage returns
            wanted, replacement = (re.sub(r"\r?\n", "\r\n", part) for part in (wanted, replacement))
        found = text.count(wanted)
        if not found:
            raise mistake(f"String to replace not found in file.\nString: {given.old_string}")
        if found > 1 and not given.replace_all:
            raise mistake(
                f"Found {found} matches of the string to replace, but replace_all is false. To replace all "
                "occurrences, set replace_all to true. To replace only one occurrence, please provide more context to "
                f"uniquely identify the instance.\nString: {given.old_string}"
            )
        return encoded(text.replace(wanted, replacement))

    def said(self, given: EditInput, created: bool) -> str:
        if given.replace_all:
            return f"The file {given.file_path} has been updated. All occurrences were successfully replaced."
        return f"The file {given.file_path} has been updated successfully.{CURRENT if created else ''}"


TOOL: Tool = Edit()
