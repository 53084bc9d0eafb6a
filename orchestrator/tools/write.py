"""Write: a file with this content."""

from __future__ import annotations

from pydantic import Field

from orchestrator.tools.change import CURRENT, Change, encoded
from orchestrator.tools.tool import Tool, ToolInput
from orchestrator.workspace import File


class WriteInput(ToolInput):
    """Write a file: create it, or replace its whole content.

    An existing file must have been read first, and is refused when it changed since. Use Edit to change a part of a
    file. Writing one of this task's own documents in `.temp/` is taken as an edit of it.
    """

    file_path: str = Field(description="The file, absolute or relative to the workspace")
    content: str = Field(description="The whole content")


class Write(Change):
    name = "Write"
    input: type[ToolInput] = WriteInput
    reads_first = True

    def altered(self, given: WriteInput, file: File, old: bytes | None) -> bytes:
        return encoded(given.content)

    def said(self, given: WriteInput, created: bool) -> str:
        if created:
            return f"File created successfully at: {given.file_path}{CURRENT}"
        return f"The file {given.file_path} has been updated successfully.{CURRENT}"


TOOL: Tool = Write()
