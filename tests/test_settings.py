"""Settings as they are read: what counts, and what is refused with the place to mend."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest

from orchestrator import settings
from orchestrator.errors import BadSettings
from orchestrator.settings import Settings

CLI = Path(__file__).parents[1] / "docs" / "cli.md"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """The project's file and the user's; neither is there yet."""
    user = tmp_path / "config" / "orchestrator" / "settings.toml"
    user.parent.mkdir(parents=True)
    return tmp_path / settings.PROJECT, user


def read(files: tuple[Path, Path], **environment: str) -> Settings:
    project, user = files
    return settings.read(project.parent, {"XDG_CONFIG_HOME": str(user.parents[1]), **environment})


def test_without_any_file_nothing_is_set(files: tuple[Path, Path]) -> None:
    assert read(files) == Settings()


def test_every_key_arrives(files: tuple[Path, Path]) -> None:
    project, user = files
    user.write_text('allow = ["Bash(ls:*)"]\n[models]\nfast = "claude-haiku-5-5"\nbig = "opus"\n')
    project.write_text(
        'model = "fast"\nmode = "lightweight"\nprovider = "bedrock"\nverify = ["npm test"]\n'
        'max_turns = 5\nmax_tokens = 1000\nmax_seconds = 1.5\nmax_cost = 2\n[models]\nbig = "claude-fable-5-2"\n'
    )
    assert read(files) == Settings(
        model="fast",
        mode="lightweight",
        provider="bedrock",
        limits={"turns": 5, "tokens": 1000, "seconds": 1.5, "cost": 2},
        verify=("npm test",),
        allow=("Bash(ls:*)",),
        models={"fast": "claude-haiku-5-5", "big": "claude-fable-5-2"},
    )


def test_the_example_of_the_documentation_has_every_key_there_is_and_can_be_read(files: tuple[Path, Path]) -> None:
    project, user = files
    (example,) = re.findall(r"(?s)(?<=^```toml\n).*?(?=^```$)", CLI.read_text(encoding="utf-8"), re.MULTILINE)
    project.write_text(re.sub("(?m)^allow .*$", "", example))
    user.write_text(re.sub("(?m)^verify .*$", "", example))
    found = read(files)
    assert (found.model, found.verify, found.allow) == ("fast", ("npm test",), ("Bash(npm test:*)",))
    project.write_text("zzz = 1")
    with pytest.raises(BadSettings) as refused:
        read(files)
    assert sorted(tomllib.loads(example)) == sorted(str(refused.value).partition("there are ")[2].split(", "))


def test_limits_of_an_agent_add_up_and_the_project_s_go_first(files: tuple[Path, Path]) -> None:
    project, user = files
    user.write_text("[agents.clerk.limits]\nturns = 3\ntokens = 3\n[agents.'other one'.limits]\ncost = 0.5\n")
    project.write_text("[agents.clerk.limits]\nturns = 2\n")
    assert read(files).agents == {"clerk": {"turns": 2, "tokens": 3}, "other one": {"cost": 0.5}}


@pytest.mark.parametrize("said", ["clerk = 3", "clerk.limits = 3", "clerk.limits.turn = 3", "clerk.limits.turns = 0"])
def test_limits_of_an_agent_that_cannot_be_read_are_named(files: tuple[Path, Path], said: str) -> None:
    files[0].write_text(f"[agents]\n{said}\n")
    with pytest.raises(BadSettings, match=r"agents: .* is not a table of agents' limits"):
        read(files)


def test_variables_go_before_the_project_and_the_project_before_the_user(files: tuple[Path, Path]) -> None:
    project, user = files
    user.write_text("max_turns = 3\nmax_tokens = 3\nmax_seconds = 3\n")
    project.write_text("max_turns = 2\nmax_tokens = 2\n")
    found = read(files, ORCHESTRATOR_MAX_TURNS="1", ORCHESTRATOR_MAX_TOKENS="")
    assert found.limits == {"turns": 1, "tokens": 2, "seconds": 3}


def test_a_user_s_file_is_in_config_of_the_home_unless_xdg_names_an_absolute_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative"):
        user, _ = settings.places(tmp_path / "project", {"XDG_CONFIG_HOME": value})
        assert user.path == tmp_path / ".config" / "orchestrator" / "settings.toml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_turn = 5", "max_turn: no such setting: did you mean max_turns?"),
        ("api_key = 'x'", "api_key: no such setting: there are model, mode,"),
        ("max_turns = '5'", "max_turns: '5' is not a whole number above 0"),
        ("max_turns = true", "max_turns: True is not a whole number above 0"),
        ("max_turns = 0", "max_turns: 0 is not a whole number"),
        ("max_cost = nan", "max_cost: nan is not a number of US dollars"),
        ("max_seconds = inf", "max_seconds: inf is not a number above 0"),
        pytest.param(f"max_seconds = 1{'0' * 400}", "0 is not a number above 0", id="more than a float holds"),
        ("mode = 'quick'", "mode: 'quick' is not full or lightweight"),
        ("mode = ['full']", "mode: ['full'] is not full or lightweight"),
        ("model = ''", "model: '' is not the name of a model"),
        ("verify = 'npm test'", "verify: 'npm test' is not a list of commands"),
        ("models = 'opus'", "models: 'opus' is not a table"),
        ("[models]\nfast = 5", "models: {'fast': 5} is not a table of names"),
        ("model = 'a'\nmodel = ", "not TOML: Invalid value (at end of document)"),
        ("model = 'a'\nmax_turns = 05", "(at line 2, column "),
        ("a = " + "[" * 5000, "not TOML: "),
    ],
)
def test_what_cannot_be_obeyed_is_one_line_with_file_and_key(files: tuple[Path, Path], text: str, said: str) -> None:
    project, _ = files
    project.write_text(text)
    with pytest.raises(BadSettings) as caught:
        read(files)
    assert str(caught.value).startswith(str(project))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_as_some_editors_save_it_is_read(files: tuple[Path, Path]) -> None:
    files[0].write_text("\ufeffmax_turns = 2\r\n")
    assert read(files).limits == {"turns": 2}


def test_a_file_that_cannot_be_read_is_named(files: tuple[Path, Path]) -> None:
    project, user = files
    os.mkfifo(project)
    with pytest.raises(BadSettings, match=r"orchestrator.toml: not a regular file"):
        read(files)
    user.write_bytes(b"model = '\xff'")
    with pytest.raises(BadSettings, match=r"settings.toml: not UTF-8 text"):
        read(files)


def test_a_project_cannot_permit_itself_commands_and_a_user_not_say_how_all_projects_are_verified(
    files: tuple[Path, Path],
) -> None:
    project, user = files
    project.write_text("allow = ['Bash']")
    with pytest.raises(BadSettings, match=f"^{project}: allow: a project cannot .* set it in {user}$"):
        read(files)
    user.write_text("verify = ['true']")
    with pytest.raises(BadSettings, match=f"^{user}: verify: .* project's orchestrator.toml$"):
        read(files)


def test_a_rule_that_is_none_is_refused_where_it_stands(files: tuple[Path, Path]) -> None:
    _, user = files
    user.write_text("allow = ['npm test']")
    with pytest.raises(BadSettings, match=f"^{user}: allow: not a rule: 'npm test'"):
        read(files)


@pytest.mark.parametrize(("name", "value"), [("ORCHESTRATOR_MAX_COST", "cheap"), ("ORCHESTRATOR_MODE", "quick")])
def test_a_variable_that_cannot_be_obeyed_is_named(files: tuple[Path, Path], name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=f"^{name}: '{value}' is not "):
        read(files, **{name: value})
