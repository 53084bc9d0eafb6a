"""The agents that come with the package, and definitions like those people already have."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orchestrator import definitions, shipped
from orchestrator.definitions import Agent

AGENTS = sorted(shipped.folder("agents").glob("*.md"))
SEEDS = Path(__file__).resolve().parents[2] / "shared" / "seeds"
OURS = ("Read", "Write", "Edit", "Bash", "Sync", "Finish")
LONG_LINE = (
    "---\nname: join-expert\ndescription: Use this agent for joins. Examples include:\\n\\n<example>\\nContext: c.\\n"
    'user: "How do I join?"\\nassistant: "I\'ll ask: join-expert."\\n</example>\nmodel: inherit\n---\n\n'
    "Keep `task-status-{id}.json` as `_standard-orchestration.md` says.\n\n---\n"
)


def shipped_agent(name: str) -> Agent:
    return definitions.read(shipped.folder("agents") / f"{name}.md")


def schema_of(found: Agent) -> dict[str, Any]:
    assert found.output_schema is not None
    return found.output_schema


@pytest.mark.parametrize("path", AGENTS, ids=lambda path: path.stem)
def test_a_shipped_agent_is_named_like_its_file_and_its_schema_is_valid(path: Path) -> None:
    found = definitions.read(path)
    assert found.name == path.stem
    assert {"Read", "Bash", "Sync", "Finish"} <= set(found.offers(OURS))
    assert "<example>" in found.description
    Draft202012Validator.check_schema(found.output_schema or {})


@pytest.mark.parametrize("path", AGENTS, ids=lambda path: path.stem)
def test_a_shipped_agent_leaves_ids_and_archiving_to_the_engine(path: Path) -> None:
    found = definitions.read(path)
    body = found.body
    assert ("`result`" in body) == (found.output_schema is not None)
    assert not re.search(r"AB12C3|X9Y8Z7|\.temp/completed|/workspace/", body)


def test_db_worker_shows_a_result_that_fits_its_own_schema() -> None:
    found = shipped_agent("db-worker")
    validator = Draft202012Validator(schema_of(found))
    (example,) = re.findall(r"```json\n(.*?)```", found.body, re.DOTALL)
    result = json.loads(example)
    assert validator.is_valid(result)
    assert validator.is_valid({**result, "schema": [result["schema"]] * 2})
    assert not validator.is_valid({**result, "schema": {"table": "invoices"}})
    assert not validator.is_valid({key: value for key, value in result.items() if key != "issues"})
    assert found.model == "sonnet"


def test_the_architect_declares_each_side_of_an_association() -> None:
    found = shipped_agent("sequelize-associations-architect")
    validator = Draft202012Validator(schema_of(found))
    side = {"source": "Post", "type": "belongsTo", "target": "User", "foreignKey": "authorId", "as": "author"}
    result = {"summary": "s", "associations": [side, {**side, "onDelete": "RESTRICT", "change": "added"}]}
    result |= {key: [] for key in ("files_created", "files_modified", "recommendations", "issues")}
    assert validator.is_valid(result)
    assert not validator.is_valid({**result, "associations": [{**side, "type": "belongs"}]})
    assert found.model is None


def test_a_description_with_colons_and_written_out_newlines_on_one_line_loads(tmp_path: Path) -> None:
    path = tmp_path / "join-expert.md"
    path.write_text(LONG_LINE)
    found = definitions.read(path)
    assert found.description.splitlines()[2:4] == ["<example>", "Context: c."]
    assert found.offers(OURS) == OURS
    assert found.body.endswith("\n\n---")


def test_an_installed_package_uses_the_agents_inside_it(tmp_path: Path) -> None:
    package = tmp_path / "orchestrator"
    (package / "_shipped" / "agents").mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copy(shipped.__file__, package)
    code = "from orchestrator import shipped; print(shipped.folder('agents'))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == str(package / "_shipped" / "agents")


@pytest.mark.skipif(not SEEDS.is_dir(), reason=f"no seeds at {SEEDS}")
@pytest.mark.parametrize("name", ["db-worker", "sequelize-associations-architect"])
def test_definitions_that_ask_for_documents_kept_by_hand_load_and_may_use_our_tools(name: str) -> None:
    found = definitions.read(SEEDS / f"{name}.md")
    assert found.name == name
    assert found.offers(OURS) == OURS
    assert len(found.body) > 5_000
