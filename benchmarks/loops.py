"""Agent loops at the same work, ours and others': each in a process of its own, so that none pays for another's heap.

    python -m benchmarks.loops NAME ADDRESS FOLDER [WORKERS]

prints `{"seconds": …, "megabytes": …}`: from the first request to the end, and what memory grew by in that time.
The work: a canned server asks for one small file after another to be written in FOLDER/notes. Each loop is written as
its own documentation shows it, and writes the files in its own process: mini-swe-agent too, which would start a shell.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

SYSTEM = "You write the notes you are asked for, one after the other."
TASK = "Write the notes."
MODEL = "claude-sonnet-5-5"
Loop = Callable[[int], Awaitable[object]]
"""Works with so many agents at once, to the end of the work."""


def write(folder: Path, file_path: Any, content: Any) -> str:
    (folder / file_path).write_text(content)
    return f"File created successfully at: {file_path}"


def ours(address: str, folder: Path) -> Loop:
    from orchestrator.definitions import Library
    from orchestrator.engine import Engine
    from orchestrator.errors import LimitReached
    from orchestrator.events import Limits
    from orchestrator.models import connect
    from orchestrator.team import Team
    from orchestrator.worker import Setting

    async def permit(*asked: object) -> bool:
        return False

    path = folder / ".claude" / "agents" / "clerk.md"
    path.parent.mkdir(parents=True)
    path.write_text(f"---\nname: clerk\ndescription: Writes notes\n---\n{SYSTEM}\n")
    engine = Engine(folder / ".temp")
    setting = Setting(workspace=folder, environment={}, permit=permit, report=lambda moment: None)
    library = Library(folder, folder, folder)
    os.environ |= {"ANTHROPIC_BASE_URL": address, "ANTHROPIC_API_KEY": "any"}
    model = connect()
    team = Team(engine, library, lambda: model, setting)
    turns = int(address.split("/")[-3])

    async def work(workers: int) -> None:
        tasks = [team.start("clerk", TASK, limits=Limits(turns=turns)).id for _ in range(workers)]
        ends = await team.work(*tasks)
        assert all(isinstance(end, LimitReached) for end in ends.values()), ends
        engine.close()

    return work


def bare(address: str, folder: Path) -> Loop:
    """`messages.create` of the official client, with the system prompt and the tools that ours sends."""
    import anthropic

    from orchestrator import prompts
    from orchestrator.tools import catalog, describe

    client = anthropic.AsyncAnthropic(base_url=address, api_key="any")
    system = f"{SYSTEM}\n\n{prompts.render('_standard-orchestration')}"
    tools: Any = [describe(tool) for tool in catalog().values()]

    async def one() -> None:
        messages: list[Any] = [{"role": "user", "content": TASK}]
        while True:
            reply = await client.messages.create(
                model=MODEL, max_tokens=16_000, system=system, tools=tools, messages=messages
            )
            messages.append({"role": "assistant", "content": reply.content})
            results = [
                {"type": "tool_result", "tool_use_id": block.id, "content": write(folder, **block.input)}
                for block in reply.content
                if block.type == "tool_use"
            ]
            if not results:
                return
            messages.append({"role": "user", "content": results})

    return lambda workers: asyncio.gather(*(one() for _ in range(workers)))


def pydantic_ai(address: str, folder: Path) -> Loop:
    from anthropic import AsyncAnthropic
    from pydantic_ai import Agent, Tool, UsageLimits
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    def write_file(file_path: str, content: str) -> str:
        """Write a file."""
        return write(folder, file_path, content)

    provider = AnthropicProvider(anthropic_client=AsyncAnthropic(base_url=address, api_key="any"))
    model = AnthropicModel(MODEL, provider=provider)
    agent = Agent(model, system_prompt=SYSTEM, tools=[Tool(write_file, name="Write")])
    limits = UsageLimits(request_limit=None)
    return lambda workers: asyncio.gather(*(agent.run(TASK, usage_limits=limits) for _ in range(workers)))


def mini_swe_agent(address: str, folder: Path) -> Loop:
    os.environ |= {"MSWEA_SILENT_STARTUP": "1", "MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT": "1"}
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks the network
    from minisweagent.agents.default import DefaultAgent
    from minisweagent.environments.local import LocalEnvironment
    from minisweagent.models.litellm_model import LitellmModel

    class Writing(LocalEnvironment):
        def execute(self, action: dict[str, Any], cwd: str = "", *, timeout: int | None = None) -> dict[str, Any]:
            path, _, content = action["command"].partition(" ")
            return {"output": write(folder, path, content), "returncode": 0, "exception_info": ""}

    async def work(workers: int) -> None:
        reached = {"api_base": address, "api_key": "any"}
        model = LitellmModel(model_name=f"anthropic/{MODEL}", model_kwargs=reached, cost_tracking="ignore_errors")
        turns = int(address.split("/")[-3])
        agent = DefaultAgent(
            model, Writing(), system_template=SYSTEM, instance_template="{{task}}", step_limit=turns, cost_limit=0
        )
        agent.run(TASK)

    return work


def langgraph(address: str, folder: Path) -> Loop:
    warnings.simplefilter("ignore")
    from langchain_anthropic import ChatAnthropic
    from langchain_core.tools import tool
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    from langgraph.prebuilt import create_react_agent

    @tool("Write")
    def write_file(file_path: str, content: str) -> str:
        """Write a file."""
        return write(folder, file_path, content)

    model = ChatAnthropic(model=MODEL, base_url=address, api_key="any", max_tokens=16_000)

    async def work(workers: int) -> None:
        async with AsyncSqliteSaver.from_conn_string(str(folder / "checkpoints.db")) as saver:
            graph = create_react_agent(model, [write_file], prompt=SYSTEM, checkpointer=saver)

            async def one(number: int) -> None:
                settings: Any = {"configurable": {"thread_id": str(number)}, "recursion_limit": 1_000_000}
                await graph.ainvoke({"messages": [("user", TASK)]}, settings)

            await asyncio.gather(*map(one, range(workers)))

    return work


LOOPS = {
    "ours": ("orchestrator", "Write,Sync", ours),
    "bare messages.create": ("anthropic", "Write", bare),
    "pydantic-ai": ("pydantic_ai", "Write", pydantic_ai),
    "mini-swe-agent": ("minisweagent", "bash", mini_swe_agent),
    "LangGraph, SqliteSaver": ("langgraph.checkpoint.sqlite.aio", "Write", langgraph),
}
"""Of each loop the package it needs, the tools that it is asked to use, and how it is made ready."""


def installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(LOOPS[name][0]) is not None
    except ModuleNotFoundError:
        return False


def run(
    name: str, server: str, folder: Path, turns: int, workers: int = 1, seconds: float = 0
) -> tuple[str, dict[str, float]]:
    """Have a loop work in a new folder, in a process of its own: the address it asked at, and what it printed.

    `seconds`: how long the model takes to answer.
    """
    address = f"{server}/{folder.name}/{turns}/{LOOPS[name][1]}/{seconds}"
    (folder / "notes").mkdir(parents=True)
    words = [sys.executable, "-m", "benchmarks.loops", name, address, str(folder), str(workers)]
    ended = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    return address, json.loads(ended.stdout)


def megabytes() -> float:
    """The most memory this process has had."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 if sys.platform == "linux" else 1024 * 1024)


def main(name: str, address: str, folder: str, workers: str = "1") -> None:
    loop = LOOPS[name][2](address, Path(folder))

    async def measured() -> None:
        before, begun = megabytes(), time.perf_counter()
        await loop(int(workers))
        print(json.dumps({"seconds": time.perf_counter() - begun, "megabytes": megabytes() - before}))

    asyncio.run(measured())


if __name__ == "__main__":
    main(*sys.argv[1:])
