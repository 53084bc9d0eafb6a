"""Which commands the rules allow; what cannot be judged is not allowed."""

import pytest

from orchestrator.errors import UsageError
from orchestrator.permissions import Permissions

RULES = Permissions(("Bash(foo run test:*)", "Bash(bar *)", "Bash(exact cmd)"))


@pytest.mark.parametrize(
    "command",
    [
        "foo run test",
        "foo run test --x 'a; b' \"c && d\"",
        "foo run test\t-x",
        " foo run test \n",
        "bar",
        "bar x",
        "exact cmd",
        "foo run test && bar x",
        "foo run test || bar; bar y | bar z",
        "foo run test &&\n  bar x\nbar y",
        "foo run test 2>&1",
        "foo run test 2>/dev/null | bar",
        "foo run test >/dev/null 2>&1",
        "cd src && foo run test",
        "foo run test \\; x",
        "foo run test '$(not run)'",
        "bar $HOME",
    ],
)
def test_allowed(command):
    assert RULES.allows(command)


@pytest.mark.parametrize(
    "command",
    [
        "",
        "foo run testing",
        "foo run test:unit",
        "foo runtest",
        "barx",
        "exact cmd 2",
        "whoami",
        "foo run test && whoami",
        "foo run test; whoami",
        "foo run test | whoami",
        "foo run test || whoami",
        "foo run test\nwhoami",
        "foo run test &",
        "foo run test & whoami",
        "foo run test |& whoami",
        "foo run test $(whoami)",
        'foo run test "$(whoami)"',
        "foo run test `whoami`",
        'foo run test "`whoami`"',
        "foo run test $'a' ; whoami",
        "foo run test <(whoami)",
        "foo run test >(whoami)",
        "foo run test > out.txt",
        "foo run test >> out.txt",
        "foo run test 2> out.txt",
        "foo run test &> out.txt",
        "foo run test < in.txt",
        "foo run test <<X\nwhoami\nX",
        "foo run test >/dev/null/../../etc/x",
        "bar2>&1",
        "(foo run test)",
        "{ foo run test; }",
        "FOO=1 foo run test",
        "FOO=1",
        "sudo foo run test",
        "bash -c 'foo run test'",
        "eval foo run test",
        "bar sudo x",
        "bar sh -c x",
        "bar /bin/bash -lc x",
        "'foo' run test",
        "foo run test # it's\nwhoami # '",
        "foo run test 'unclosed",
        "foo run test $[x[$(whoami)]]",
        "if foo run test; then bar; fi",
        "cd ../.. && foo run test",
        "cd / && foo run test",
        "cd ~ && foo run test",
        "cd - && foo run test",
        "foo run test\rwhoami",
    ],
)
def test_not_allowed(command):
    assert not RULES.allows(command)


@pytest.mark.parametrize("rules", [Permissions(("Bash",)), Permissions(("Bash(*)",)), Permissions(everything=True)])
def test_everything_is_allowed_only_when_it_is_said(rules):
    assert rules.allows("sudo rm -rf $(pwd) > x &")


def test_an_exact_rule_allows_what_no_pattern_would():
    assert Permissions(("Bash(FOO=1 npm test > out.txt)",)).allows("FOO=1 npm test > out.txt")
    assert not Permissions(("Bash(FOO=1 npm:*)", "Bash(bash:*)")).allows("FOO=1 npm test")
    assert not Permissions(("Bash(bash:*)",)).allows("bash -c whoami")
    assert Permissions(("Bash(bash:*)",)).allows("bash check.sh")


def test_no_rule_allows_nothing():
    assert not Permissions().allows("true")


@pytest.mark.parametrize(
    "rule", ["", "Read", "Bash()", "Bash(:*)", "Bash(a*b)", "Bash(npm*)", "Bash(x", "bash", "Edit(x)"]
)
def test_a_rule_that_cannot_be_read_is_an_error_of_use(rule):
    with pytest.raises(UsageError, match="not a rule"):
        Permissions((rule,))
