"""Agent definitions: what loads, as what, and what is said of the rest."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from orchestrator import definitions
from orchestrator.definitions import Agent, Library
from orchestrator.errors import BadDefinition, UnknownAgent

CORPUS = Path(os.environ.get("ORCHESTRATOR_CORPUS") or Path(__file__).resolve().parents[2] / "shared" / "corpus")
needs_corpus = pytest.mark.skipif(not (CORPUS / "agents").is_dir(), reason=f"no corpus at {CORPUS}")
OURS = ("Read", "Write", "Edit", "Bash", "Sync", "Finish")


def written(folder: Path, text: str | bytes, name: str = "agent.md") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def agent(folder: Path, front: str, body: str = "Do it.\n") -> Agent:
    return definitions.read(written(folder, f"---\n{front}\n---\n{body}"))


def reason(folder: Path, text: str | bytes) -> str:
    with pytest.raises(BadDefinition) as raised:
        definitions.read(written(folder, text))
    return raised.value.reason


def test_a_plain_definition_has_its_fields_and_may_use_all_tools(tmp_path: Path) -> None:
    found = agent(tmp_path, "name: a\ndescription: d\nmodel: sonnet", "\n# You\n\nWork.\n")
    assert (found.name, found.description, found.body, found.model) == ("a", "d", "# You\n\nWork.", "sonnet")
    assert (found.tools, found.mode, found.output_schema, found.verify) == (None, None, None, ())


@pytest.mark.parametrize(
    ("text", "description"),
    [
        (b"\xef\xbb\xbf---\nname: a\ndescription: d\n---\n", "d"),
        (b"---\r\nname: a\r\ndescription: d\r\n---\r\nBody\r\n", "d"),
        (b"---\nname: a\ndescription: caf\xe9\n---\n", "caf\ufffd"),
        (b"---  \nname: a\ndescription: d\n---   \n", "d"),
        (b"---\nname: a\ndescription: d\n---", "d"),
        (b"---\nname: a\ndescription: left --- right\n", "left"),
        (b"---\nname: a\ndescription: 2025-01-01\n---\n", "2025-01-01"),
        (b"---\nname: a\ndescription: on\n---\n", "on"),
        (b"---\nname: a\ndescription: 12:30\n---\n", "12:30"),
        (b"---\nname: a\ndescription: one\ndescription: two\n---\n", "two"),
        (b"---\nname: a\ndescription: Use: it. User: 'x'\n---\n", "Use: it. User: 'x'"),
        (b'---\nname: a\ndescription: So:\\n\\nuser: "x" it\'s\n---\n', 'So:\n\nuser: "x" it\'s'),
        (b"---\nname: a\ndescription: @you do it\n---\n", "@you do it"),
        (b"---\nname: a\ndescription: [BETA] does it\n---\n", "[BETA] does it"),
        (b'---\nname: a\ndescription: x: y\nuser: "q: r"\\ns: t\n---\n', "x: y"),
        (b"---\nname: a\ndescription: before # after\n---\n", "before"),
        (b"---\nname: a\ndescription: !loud text\n---\n", "text"),
        (b"---\nname: a\ndescription: >-\n  x: y\n  z\n---\n", "x: y z"),
        (b"---\nname: a\ndescription: d\ntools:\n\t- Read\n---\n", "d"),
    ],
)
def test_odd_front_matter_loads_with_the_description_it_means(tmp_path: Path, text: bytes, description: str) -> None:
    found = definitions.read(written(tmp_path, text))
    assert (found.name, found.description) == ("a", description)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1 is not ---"),
        ("# Notes\n", "line 1 is not ---"),
        ("\n---\nname: a\ndescription: d\n---\n", "line 1 is not ---"),
        ("----\nname: a\ndescription: d\n----\n", "line 1 is not ---"),
        ("---\nname: a\ndescription: d\n", "no closing ---"),
        ('---\nname: a\ndescription: "a "b" c"\n---\n', "line 3: its front matter is not YAML"),
        ("---\n- name: a\n---\n", "not a mapping"),
        ("---\nname: 7\ndescription: d\n---\n", "`name` is missing or is not text"),
        ("---\nname: true\ndescription: d\n---\n", "`name` is missing or is not text"),
        ("---\nname: 'a:b'\ndescription: d\n---\n", "`name` may not"),
        ("---\nname: -a\ndescription: d\n---\n", "`name` may not"),
        (f"---\nname: {'a' * 257}\ndescription: d\n---\n", "`name` may not"),
        ("---\nname: a\n---\n", "`description` is missing or is not text"),
        ("---\nname: a\ndescription: 42\n---\n", "`description` is missing or is not text"),
        ("---\nname: a\ndescription: d\nhooks: x\n---\n", "`hooks` is not a mapping"),
        ("---\nname: a\ndescription: d\noutput_schema: x\n---\n", "`output_schema` is not a mapping"),
        ("---\nname: a\ndescription: d\noutput_schema: {a: .nan}\n---\n", "`output_schema` is not JSON"),
        ("---\nname: a\ndescription: d\noutput_schema: &s {a: *s}\n---\n", "`output_schema` is not JSON"),
        ("---\nname: a\ndescription: d\nverify: 3\n---\n", "`verify` is not a command"),
        ("---\nname: a\ndescription: d\nverify: [npm test, 3]\n---\n", "`verify` is not a command"),
        ("---\nname: a\ndescription: d\nx:\n  y: !!float ''\n---\n", "not YAML"),
        ("---\nname: a\ndescription: d\nx:\n" + "  - " + "- " * 50_000 + "y\n---\n", "more than 100 levels"),
        ("---\nname: a\ndescription: d\nx: &x y\nz: [" + "*x, " * 9 + "]\n---\n", "more than 100 levels or 8 aliases"),
        ("---\nname: a\ndescription: d\n---\n" + "x" * (1 << 20), "larger than 1 MiB"),
    ],
    ids=lambda value: value[:60],
)
def test_what_is_no_definition_is_refused_with_the_reason(tmp_path: Path, text: str, words: str) -> None:
    assert words in reason(tmp_path, text)


@pytest.mark.parametrize(
    ("front", "tools"),
    [
        ("tools:", None),
        ("tools: []", None),
        ("tools: 5", None),
        ("tools: {read: true}", None),
        ("tools: '*'", None),
        ("tools: *", None),
        ("tools: Read, *", None),
        ("tools: Read,Write  Bash", ("Read", "Write", "Bash")),
        ("tools: [Read, Write]", ("Read", "Write")),
        ('note: x: y\ntools: ["Read", "Write"]', ("Read", "Write")),
        ("tools:\n  - Read, Write\n  - Bash(git diff:*)", ("Read", "Write", "Bash(git diff:*)")),
        ("tools: Bash(npm test, npm ci), Read", ("Bash(npm test, npm ci)", "Read")),
        ("tools: Bash(git:*", ("Bash(git:*",)),
        ("tools: Foo", ("Foo",)),
        ("tools: Bash\nmemory: project", ("Bash", "Write", "Edit", "Read")),
        ("tools: Bash\nmemory: team", ("Bash",)),
        ("tools: Read, Write, Bash\ndisallowedTools: Write", ("Read", "Bash")),
    ],
)
def test_tools_are_listed_as_written(tmp_path: Path, front: str, tools: tuple[str, ...] | None) -> None:
    assert agent(tmp_path, f"name: a\ndescription: d\n{front}").tools == tools


@pytest.mark.parametrize(
    ("front", "offered"),
    [
        ("model: opus", OURS),
        ("tools: Read, Grep, WebFetch", ("Read", "Sync", "Finish")),
        ("tools: Bash(git:*), Read", ("Read", "Bash", "Sync", "Finish")),
        ("tools: None", ("Sync", "Finish")),
        ("disallowedTools: Bash, Sync", ("Read", "Write", "Edit", "Sync", "Finish")),
    ],
)
def test_an_agent_is_offered_the_tools_it_names_and_always_sync_and_finish(
    tmp_path: Path, front: str, offered: tuple[str, ...]
) -> None:
    assert agent(tmp_path, f"name: a\ndescription: d\n{front}").offers(OURS) == offered


@pytest.mark.parametrize("name", ["Delegate", "Task", "Agent"])
def test_who_gives_work_away_can_take_it_back(tmp_path: Path, name: str) -> None:
    names = ("Read", "Delegate", "Task", "Agent", "Cancel", "Sync", "Finish")
    found = agent(tmp_path, f"name: a\ndescription: d\ntools: Read, {name}").offers(names)
    assert found == ("Read", name, "Cancel", "Sync", "Finish")


def test_an_output_schema_verification_and_mode_are_read(tmp_path: Path) -> None:
    found = agent(
        tmp_path,
        "name: a\ndescription: Use when: x\nmode: lightweight\nmodel: inherit\n"
        "output_schema: {type: object, properties: {n: {type: integer, maximum: 010}}}\n"
        "verify:\n  - npm test\n  - npx tsc --noEmit",
    )
    assert found.output_schema == {"type": "object", "properties": {"n": {"type": "integer", "maximum": 10}}}
    assert (found.verify, found.mode, found.model) == (("npm test", "npx tsc --noEmit"), "lightweight", None)
    assert agent(tmp_path, "name: a\ndescription: d\nverify: npm test").verify == ("npm test",)


def library(folder: Path) -> Library:
    return Library(folder / "project", folder / "home", folder / "shipped")


def define(folder: Path, where: str, name: str, description: str, file: str | None = None) -> Path:
    inside = {"project": "project/.claude/agents", "home": "home/.claude/agents", "shipped": "shipped"}[where]
    return written(folder / inside, f"---\nname: {name}\ndescription: {description}\n---\nBody\n", file or f"{name}.md")


def test_the_project_wins_over_the_user_and_the_user_over_what_is_shipped(tmp_path: Path) -> None:
    for where, names in {"shipped": "abc", "home": "bc", "project": "c"}.items():
        for name in names:
            define(tmp_path, where, name, where)
    found = library(tmp_path)
    assert [(one.name, one.description) for one in found.all()] == [("a", "shipped"), ("b", "home"), ("c", "project")]
    assert [found.find(name).description for name in "abc"] == ["shipped", "home", "project"]


def test_an_unknown_name_is_answered_with_near_matches(tmp_path: Path) -> None:
    define(tmp_path, "shipped", "db-worker", "d")
    with pytest.raises(
        UnknownAgent, match=r"did you mean db-worker\? A person can define it, in \.claude/agents/db-wroker\.md$"
    ):
        library(tmp_path).find("db-wroker")
    with pytest.raises(
        UnknownAgent, match=r"there are: db-worker\. A person can define it, in \.claude/agents/zzz\.md$"
    ):
        library(tmp_path).find("zzz")


def test_an_unreadable_file_of_the_name_is_reported_and_not_passed_over(tmp_path: Path) -> None:
    define(tmp_path, "shipped", "db-worker", "d")
    broken = written(tmp_path / "project" / ".claude" / "agents", "no front matter", "db-worker.md")
    found = library(tmp_path)
    with pytest.raises(BadDefinition, match=r"db-worker\.md: not an agent definition: no front matter"):
        found.find("db-worker")
    assert [bad.path for bad in found.unreadable] == [str(broken)]


def test_hidden_nested_and_linked_files_count_and_other_things_do_not_hang_it(tmp_path: Path) -> None:
    folder = tmp_path / "project" / ".claude" / "agents"
    define(tmp_path, "project", "hidden", "d", ".hidden.md")
    define(tmp_path, "project", "nested", "d", "deep/er/nested.md")
    define(tmp_path, "project", "upper", "d", "upper.MD")
    elsewhere = written(tmp_path, "---\nname: linked\ndescription: d\n---\n", "elsewhere.md")
    (folder / "linked.md").symlink_to(elsewhere)
    (folder / "deep" / "ring").symlink_to(folder)
    (folder / "gone.md").symlink_to(tmp_path / "gone.md")
    os.mkfifo(folder / "pipe.md")
    found = library(tmp_path)
    assert [one.name for one in found.all()] == ["hidden", "linked", "nested"]
    assert sorted(Path(bad.path).name for bad in found.unreadable) == ["gone.md", "pipe.md"]


def test_of_two_files_of_one_name_the_later_path_wins(tmp_path: Path) -> None:
    define(tmp_path, "home", "same", "first", "1.md")
    define(tmp_path, "home", "same", "second", "2.md")
    assert library(tmp_path).find("same").description == "second"


def test_importing_it_brings_in_neither_yaml_nor_pydantic() -> None:
    code = "import sys, orchestrator.definitions; print({'yaml', 'pydantic'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def listed(found: Agent) -> str:
    if found.tools is None:
        return f"All tools except {', '.join(found.disallowed)}" if found.disallowed else "All tools"
    return ", ".join(found.tools)


@needs_corpus
def test_2656_public_definitions_load_as_in_claude_code(tmp_path: Path) -> None:
    with tarfile.open(CORPUS / "agents" / "definitions.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    expected: dict[str, tuple[str, ...] | None] = {}
    found: dict[str, tuple[str, ...] | None] = {}
    for line in (CORPUS / "agents" / "expected.jsonl").read_text().splitlines():
        row = json.loads(line)
        keys = ("name", "description_sha256", "tools")
        expected[row["file"]] = tuple(row[key] for key in keys) if row["loaded"] else None
        try:
            one = definitions.read(tmp_path / "definitions" / row["file"])
        except BadDefinition:
            found[row["file"]] = None
        else:
            found[row["file"]] = (one.name, hashlib.sha256(one.description.encode()).hexdigest(), listed(one))
    differing = {file: (found[file], expected[file]) for file in expected if found[file] != expected[file]}
    # Named like one of Claude Code's own agents, whose entry in its listing was taken for this one.
    named, _ = differing.pop("3c41a2b265c9ca7e.md")
    assert named is not None
    assert named[0] == "general-purpose"
    assert (len(expected), differing) == (2656, {})


@needs_corpus
def test_132_files_each_odd_in_one_way_load_as_in_claude_code() -> None:
    results = json.loads((CORPUS / "agents" / "matrix" / "RESULTS.json").read_text())
    found = Library(Path("/nonexistent"), Path("/nonexistent"), CORPUS / "agents" / "matrix" / "cases")
    own = {"Plan", "claude", "general-purpose", "statusline-setup"}
    assert {one.name: f"{one.description} (Tools: {listed(one)})" for one in found.all()} == {
        name: line for name, line in results["listing"].items() if name not in own
    }


@pytest.mark.parametrize(
    ("front", "limits"),
    [
        (
            "limits: {turns: 20, tokens: 500000, seconds: 60.5, cost: 2}",
            {"turns": 20, "tokens": 500_000, "seconds": 60.5, "cost": 2},
        ),
        ("maxTurns: 7", {"turns": 7}),
        ("maxTurns: 7\nlimits: {turns: 5}", {"turns": 5}),
        ("maxTurns: many", {}),
    ],
)
def test_a_definition_says_what_its_tasks_may_use_up(tmp_path: Path, front: str, limits: dict[str, float]) -> None:
    text = f"---\nname: clerk\ndescription: Writes\n{front}\n---\nYou write.\n"
    assert definitions.read(written(tmp_path, text)).limits == limits


@pytest.mark.parametrize("wrong", ["5", "{turn: 5}", "{turns: 0}", "{turns: 1.5}", "{cost: free}", "{seconds: .inf}"])
def test_a_limit_that_is_none_is_said(tmp_path: Path, wrong: str) -> None:
    text = f"---\nname: clerk\ndescription: Writes\nlimits: {wrong}\n---\nYou write.\n"
    with pytest.raises(BadDefinition, match="`limits`"):
        definitions.read(written(tmp_path, text))
