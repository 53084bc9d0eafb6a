"""Agent: Delegate under the name and with the input that agents written for Claude Code know."""

from __future__ import annotations

from orchestrator.tools.errand import Errand
from orchestrator.tools.tool import Tool

TOOL: Tool = Errand("Agent")
