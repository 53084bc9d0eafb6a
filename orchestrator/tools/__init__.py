"""The tools there are. Adding one is adding a file here with `TOOL = …`."""

from __future__ import annotations

import inspect
import pkgutil
from functools import cache
from importlib import import_module

from pydantic import ValidationError

from orchestrator.errors import ToolError
from orchestrator.events import Json
from orchestrator.tools.tool import Tool, ToolInput


def catalog() -> dict[str, Tool]:
    """Every tool of this folder, by name."""
    modules = (import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    tools: list[Tool] = [module.TOOL for module in modules if hasattr(module, "TOOL")]
    return {tool.name: tool for tool in tools}


def describe(tool: Tool) -> Json:
    """The tool as the Messages API is told of it."""
    return {
        "name": tool.name,
        "description": inspect.getdoc(tool.input),
        "input_schema": _schema(tool.input),
    }


@cache
def _schema(given: type[ToolInput]) -> Json:
    """Made once: it takes as long as several commits."""
    schema = given.model_json_schema()
    schema.pop("description", None)
    return schema


def accept(tool: Tool, given: Json) -> ToolInput:
    """What the model sent as the tool's input; ToolError, naming each flaw, when it does not fit."""
    try:
        return tool.input.model_validate(given)
    except ValidationError as error:
        flaws = [_flaw(".".join(map(str, row["loc"])), row["type"], row["msg"]) for row in error.errors()]
        issue = "issue" if len(flaws) == 1 else "issues"
        text = f"InputValidationError: {tool.name} failed due to the following {issue}:\n" + "\n".join(flaws)
        raise ToolError(f"<tool_use_error>{text}</tool_use_error>") from error


def _flaw(name: str, kind: str, message: str) -> str:
    if kind == "missing":
        return f"The required parameter `{name}` is missing"
    if kind == "extra_forbidden":
        return f"An unexpected parameter `{name}` was provided"
    return f"The parameter `{name}` does not fit: {message}"
