"""What the README says of adding things: each is one new file in the package, found without touching another."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import orchestrator

FILES = {
    "tools/echo.py": '''
from orchestrator.events import Intent
from orchestrator.tools.tool import ToolInput, ToolResult


class EchoInput(ToolInput):
    """Say it again."""

    words: str


class Echo:
    name = "Echo"
    input = EchoInput
    effectful = False
    waits = False

    def intent(self, call, given, place, overlay):
        return Intent(call=call, tool=self.name)

    async def run(self, call, given, place):
        return ToolResult(given.words)

    async def settle(self, intent, given, place):
        return await self.run(intent.call, given, place)


TOOL = Echo()
''',
    "documents/glossary.py": """
from orchestrator.documents.document import MarkdownDocument

DOCUMENT = MarkdownDocument("glossary", title="Glossary", labels=lambda task: ("Agent",), bindings=(), prose="Terms")
""",
    "models/mute.py": """
class Mute:
    async def reply(self, request, on_text=None):
        raise NotImplementedError

    async def close(self):
        pass


connect = Mute
""",
    "journal/shouting.py": """
from orchestrator.journal.memory import MemoryJournals


class ShoutingJournals(MemoryJournals):
    def create(self, task_id, first, *, archived=False):
        print("JOURNAL OF", task_id)
        return super().create(task_id, first, archived=archived)
""",
    "cli/hello.py": '''
import click


@click.command()
def command():
    """Greet."""
    click.echo("hello")
''',
}
USE = """
from pathlib import Path
from orchestrator.engine import Engine
from orchestrator.events import ProseWritten, TaskCreated
from orchestrator.models import connect
from orchestrator.tools import catalog, describe

print(describe(catalog()["Echo"])["description"])
engine = Engine(Path(".temp"))
task = engine.create(TaskCreated(agent="a", description="d"), ProseWritten(document="glossary", text="Ink: black."))
path = Path(f".temp/glossary-{task.id}.md")
print(path.read_text())
path.write_text(path.read_text().replace("black", "blue"))
print(engine.refresh(task.id).task.prose["glossary"])
print(type(connect("mute")).__name__)

from orchestrator.journal.shouting import ShoutingJournals

elsewhere = Engine(Path("elsewhere"), journals=ShoutingJournals())
kept = elsewhere.create(TaskCreated(agent="a", description="d"))
print(Path(f"elsewhere/plan-{kept.id}.md").exists())
"""


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    """A copy of the package with one file more of each sort."""
    package = tmp_path / "orchestrator"
    shutil.copytree(Path(orchestrator.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in FILES.items():
        (package / name).write_text(text)
    return tmp_path


def run(folder: Path, *arguments: str) -> str:
    environment = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "ORCHESTRATOR_PROVIDER": "mute"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout


def test_a_tool_a_document_kind_a_provider_and_a_journal_backend_are_one_file_each(extended: Path) -> None:
    said = run(extended, "-c", USE)
    assert said.startswith("Say it again.")
    assert "# Glossary –" in said
    assert "Ink: black." in said
    assert said.splitlines()[-4:-2] == ["Ink: blue.", "Mute"]
    assert said.splitlines()[-2].startswith("JOURNAL OF ")
    assert said.splitlines()[-1] == "True"


def test_a_command_is_one_file(extended: Path) -> None:
    assert run(extended, "-m", "orchestrator", "hello") == "hello\n"
    assert "Greet." in run(extended, "-m", "orchestrator", "--help")
