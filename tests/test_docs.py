"""What the pages show is what runs, the reference is complete, links lead somewhere, schemas fit what is on disk."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import click
import jsonschema
import pytest

from orchestrator.cli import commands
from proof.mutants import argued, found_out, mutants

DOCS = Path(__file__).parents[1] / "docs"
GOLDEN = Path(__file__).parent / "golden"
PAGES = [page.name for page in sorted(DOCS.glob("*.md")) if "```console\n" in page.read_text(encoding="utf-8")]
SESSION = re.compile(r"(?ms)^```console\n(.*?)^```$")
TYPED = re.compile(r"(?m)^\$ .*\n(?:>.*\n)*")
README = re.findall(r"(?m)^    (orchestrator .+)$", (DOCS.parent / "README.md").read_text(encoding="utf-8"))


def checked(*names: str) -> None:
    command = [sys.executable, str(DOCS / "build.py"), "--check", *names]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def options(command: click.Command) -> set[str]:
    return {word for row in command.params for word in row.opts if word.startswith("--")}


def named(text: str) -> set[str]:
    """The options that rows of tables begin with."""
    return set(re.findall(r"(?m)^\| `(--[a-z-]+)", text))


def anchors(page: Path) -> set[str]:
    """What headings are called in addresses."""
    titles = re.findall(r"(?m)^#+ (.+)$", prose(page))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def prose(page: Path) -> str:
    return re.sub(r"(?ms)^```.*?^```$", "", page.read_text(encoding="utf-8"))


def schema(name: str) -> jsonschema.Draft202012Validator:
    text = (DOCS / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


@pytest.mark.parametrize("page", PAGES)
def test_the_sessions_of_a_page_print_what_the_page_says(page: str) -> None:
    checked(page)


def test_the_schemas_are_those_of_the_models() -> None:
    checked("--schemas")


def test_the_golden_journals_and_status_documents_fit_their_schemas() -> None:
    journals, documents = list(GOLDEN.rglob("*.jsonl")), list(GOLDEN.rglob("task-status-*.json"))
    assert journals
    assert documents
    lines = [line for path in journals for line in path.read_text(encoding="utf-8").splitlines()]
    texts = [path.read_text(encoding="utf-8") for path in documents]
    for name, found in (("journal-line", lines), ("task-status", texts)):
        for text in found:
            schema(name).validate(json.loads(text))


def test_the_status_document_of_an_adopted_task_fits_its_schema_but_for_rows_that_were_typed_by_hand(
    tmp_path: Path,
) -> None:
    shutil.copytree(Path(__file__).parent / "hand-made", tmp_path / ".temp")
    bare = tmp_path / ".temp" / "task-status-B4R3KX.json"
    bare.write_text('{"agentId": "clerk", "status": "in-progress"}')
    subprocess.run([sys.executable, "-m", "orchestrator", "adopt"], cwd=tmp_path, capture_output=True, check=True)
    schema("task-status").validate(json.loads(bare.read_text(encoding="utf-8")))
    adopted = [*tmp_path.glob(".temp/task-status-*.json"), *tmp_path.glob(".temp/completed/task-status-*.json")]
    assert len(adopted) == 5
    for path in adopted:
        flaws = schema("task-status").iter_errors(json.loads(path.read_text(encoding="utf-8")))
        assert {next(iter(flaw.path), flaw.message) for flaw in flaws} <= {"workstreams", "decisions"}, path


def test_the_reference_has_every_command_with_its_arguments_and_options_and_no_other() -> None:
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"(?ms)^## (.+?)$(.*?)(?=^## |\Z)", text))
    shared = named(sections["Options of a run"])
    head = text[: text.index("\n## ")]
    assert named(head) == options(commands)
    there = commands.list_commands(click.Context(commands))
    assert sorted(re.findall(r"(?m)^\| \[`([a-z]+)`\]\(#\1\) \|", head)) == there
    for name in there:
        command = commands.get_command(click.Context(commands), name)
        assert command is not None
        usage = " ".join(["orchestrator", name, *command.collect_usage_pieces(click.Context(command))[1:]])
        assert f"\n    {usage}\n" in sections[name]
        also = shared if "(#options-of-a-run)" in sections[name] else set()
        assert named(sections[name]) | also == options(command), name


def test_every_command_is_typed_in_some_session() -> None:
    sessions = [block for page in PAGES for block in SESSION.findall((DOCS / page).read_text(encoding="utf-8"))]
    typed = "".join(line for session in sessions for line in TYPED.findall(session))
    there = commands.list_commands(click.Context(commands))
    assert [name for name in there if not re.search(rf"\borchestrator {name}\b", typed)] == []


@pytest.mark.parametrize("line", README, ids=lambda line: line.split("  ")[0])
def test_a_line_of_the_readme_can_be_typed(line: str) -> None:
    name, *words = shlex.split(re.split(r" {3,}", line)[0])[1:]
    command = commands.get_command(click.Context(commands), name)
    assert command is not None, name
    command.make_context(name, words)  # nothing is run; what is unknown raises


@pytest.mark.parametrize("page", [DOCS.parent / "README.md", *sorted(DOCS.glob("*.md"))], ids=lambda page: page.name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        place = page.parent / path if path else page
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


@pytest.mark.parametrize("picture", sorted((DOCS / "pictures").glob("*.svg")), ids=lambda picture: picture.name)
def test_a_picture_is_shown_is_small_and_fetches_nothing(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8")
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert len(text) < 100_000
    assert set(re.findall(r"\w+://[^\"' )]+", text)) == {"http://www.w3.org/2000/svg"}
    assert f"](docs/pictures/{picture.name})" in (DOCS.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the page has statements as Python 3.11 writes them")
def test_the_page_of_mutants_says_of_each_what_became_of_it_and_of_none_that_is_no_more() -> None:
    said, names = [*argued(), *found_out()], {mutant.name for mutant in mutants()}
    assert {*said} ^ names == set()
    assert len(said) == len(names), "of one it says both"
