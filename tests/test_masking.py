"""Secrets: which variables hold one, and where none may appear."""

import json
import re

import pytest

from orchestrator.masking import Mask

ENVIRONMENT = {
    "PATH": "/usr/bin",
    "ANTHROPIC_API_KEY": "zq8-not-a-known-shape",
    "DB_PASSWORD": "hunter2hunter2",
    "SHORT_TOKEN": "abc",
    "DATABASE_URL": "postgres://me:hunter2hunter2@db/x",
    "GIT_AUTHOR_NAME": "Somebody Else",
    "KEYBOARD_LAYOUT": "us-international",
}
LINE = "MIIEvQ" + "aB3/+xYz" * 7 + "0"
MASK = Mask.from_environment(ENVIRONMENT)


def test_a_secret_is_replaced_by_the_name_of_its_variable():
    assert MASK.text("the key is zq8-not-a-known-shape.") == "the key is [masked ANTHROPIC_API_KEY]."


def test_values_too_short_to_be_told_from_words_are_left():
    assert MASK.text("abc Somebody Else us-international") == "abc Somebody Else us-international"


@pytest.mark.parametrize(
    "value",
    ["postgres", "Postgres1", "development", "my-secret", "change_me_2", "password.123", "12345678", "20251024"],
)
def test_a_value_that_is_a_word_or_a_number_as_texts_have_them_is_left(value):
    assert Mask.from_environment({"DB_PASSWORD": value}).text(f"run {value} first") == f"run {value} first"


@pytest.mark.parametrize("value", ["p0stgres", "zq8wvt3k", "correct horse battery", "abcdefghijklmnop", "a-B!7_cc"])
def test_any_other_value_is_masked(value):
    assert Mask.from_environment({"DB_PASSWORD": value}).text(f"run {value} first") == "run [masked DB_PASSWORD] first"


@pytest.mark.parametrize("key", ["zq8-not-a-word\r", " zq8-not-a-word\n", "zq8\\not-a-word\r\n", "zq8-nöt-a-word"])
def test_a_secret_is_found_as_a_program_writes_it_that_speaks_of_it(key: str) -> None:
    mask = Mask.from_environment({"SOME_KEY": key})
    for told in (key, key.strip(), repr(key), repr(f"Bearer {key}".encode()), json.dumps({"key": key})):
        masked = mask.text(f"an illegal value {told}.")
        assert "[masked SOME_KEY]" in masked
        assert "zq8" not in masked
        assert "word" not in masked


@pytest.mark.parametrize("login", ["user:pa55word", "pa55word", ":pa55word", "pa55word:", "user:pa55%77ord"])
def test_the_password_in_the_address_of_a_model_s_server_is_a_secret(login: str) -> None:
    mask = Mask.from_environment(
        {"ANTHROPIC_BASE_URL": f"http://{login}@127.0.0.1:1/a@b", "HOMEPAGE_URL": f"//{login}@"}
    )
    url = f"http://{login}@127.0.0.1:1"
    assert re.search(r"\[masked ANTHROPIC_BASE_URL\]:?@127\.0\.0\.1:1", mask.text(url))
    assert "pa55" not in mask.text(f"{url} and pa55word")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[", "", "http://user:@a", "http://a/b:c12345678@d"])
def test_an_address_without_a_password_is_none(url: str) -> None:
    assert Mask.from_environment({"ANTHROPIC_BASE_URL": url}).secrets == {}


def test_a_secret_that_holds_another_is_masked_whole():
    mask = Mask.from_environment({"A_KEY": "1234x5678", "B_KEY": "1234x5678-and-more"})
    assert mask.text("1234x5678-and-more, 1234x5678") == "[masked B_KEY], [masked A_KEY]"


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-api03-" + "abc_DEF-123",
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "ghp_" + "a1" * 18,
        "github_pat_" + "a1" * 20,
        "xoxb-" + "1234567890-abc",
        f"-----BEGIN RSA PRIVATE KEY-----\n{LINE}\nabc=\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{LINE}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\\n{LINE}\\n{LINE}\\n-----END PRIVATE KEY-----",
        f"-----BEGIN EC PRIVATE KEY-----\n   2\t{LINE}\n   3\t-----END EC PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY----- {LINE} {LINE} ab= -----END PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{LINE}\n{LINE}\ncutOff",
    ],
)
def test_texts_with_the_shape_of_a_secret_are_masked_wherever_they_come_from(secret):
    masked = Mask({}).text(f"before {secret}")
    assert masked.startswith("before [masked ")
    assert secret[10:] not in masked


def test_of_a_key_without_its_end_no_more_is_taken_than_the_lines_of_the_key():
    begin = "-----BEGIN RSA PRIVATE KEY-----"
    assert Mask({}).text(f"{begin}\n{LINE}\nabc=\nAfter it.\n") == "[masked private key]\nAfter it.\n"
    for text in (
        f"- [ ] No file has `{begin}`\n- [ ] Done\n",
        f"{begin}\n\nA line that ends it\nAnd\n",
        f"between {begin} and -----END RSA PRIVATE KEY----- stands the key",
    ):
        assert Mask({}).text(text) == text


def test_a_key_is_found_after_one_that_is_only_spoken_of():
    key = f"-----BEGIN PRIVATE KEY-----\n{LINE}\n-----END PRIVATE KEY-----"
    told = "Begins with -----BEGIN PRIVATE KEY-----, as here:\n\n"
    assert Mask({}).text(f"{told}{key}\nAnd on.") == f"{told}[masked private key]\nAnd on."


def test_ordinary_text_is_left_as_it_is():
    text = "task-K7Q2MX sk-learn AKIA ghp_ “PRIVATE KEY” 5f2b9c0e4c7d1a8c6e3a"
    assert MASK.text(text) == text


def test_every_string_of_a_json_value_is_masked_keys_too():
    value = {"hunter2hunter2": ["hunter2hunter2", 1, None, True, {"a": "x hunter2hunter2"}]}
    assert MASK.json(value) == {
        "[masked DB_PASSWORD]": ["[masked DB_PASSWORD]", 1, None, True, {"a": "x [masked DB_PASSWORD]"}]
    }


def test_a_commands_environment_has_no_secret_under_any_name():
    assert MASK.environment(ENVIRONMENT) == {
        name: ENVIRONMENT[name] for name in ("PATH", "GIT_AUTHOR_NAME", "KEYBOARD_LAYOUT")
    }


@pytest.mark.parametrize(
    "name",
    ["GITHUB_TOKEN", "aws_secret_access_key", "PGPASSWORD", "NPM_AUTH", "SESSION_COOKIE", "SENTRY_DSN", "SSH_PRIVATE"],
)
def test_names_that_look_secret(name):
    assert Mask.from_environment({name: "1234x5678"}).text("1234x5678") == f"[masked {name}]"
