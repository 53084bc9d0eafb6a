"""The command line. A command is a file beside this one that defines `command`; the file's name is its name.

A command's module is imported when it is used; the list of commands reads their sources instead. What is heavy is
imported inside the functions.
"""

from __future__ import annotations

import errno
import io
import os
import re
import signal
import sys
from importlib import import_module
from pathlib import Path

import click

from orchestrator.cli import screen
from orchestrator.cli.project import Project
from orchestrator.errors import Interrupted, OrchestratorError

_COMMAND = re.compile(r'^def command\(.*?"""(.+?)(?:\n\n|""")', re.DOTALL | re.MULTILINE)
"""The function that is a command, and the first paragraph of its docstring."""
_UNREAD = 128 + signal.SIGPIPE
"""The exit code when whoever read the output has left, as a shell has it of those that die of that."""


class Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(self._abouts())

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        abouts = self._abouts()
        room = formatter.width - 6 - max(map(len, abouts))
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, click.Command(name, help=text).get_short_help_str(room)) for name, text in abouts.items()]
            )

    def _abouts(self) -> dict[str, str]:
        """Each command, and what it is for."""
        texts = ((path.stem, path.read_text("utf-8")) for path in sorted(Path(__file__).parent.glob("[!_]*.py")))
        return {name: found[1] for name, text in texts if (found := _COMMAND.search(text))}

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if not name.isidentifier() or not Path(__file__).with_name(f"{name}.py").exists():
            return None
        command = getattr(import_module(f"{__name__}.{name}"), "command", None)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(context, args[0]) is None:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=self.list_commands(context), ctx=context)
        return super().resolve_command(context, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="temp-orchestrator", prog_name="orchestrator")
@click.option(
    "--project",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The workspace. Default: the nearest directory upwards that has a .temp, else this one.",
)
@click.pass_context
def commands(context: click.Context, project: Path | None) -> None:
    """Run markdown-defined agents as workers whose .temp documents are committed together, survive a kill and can be
    resumed.

    Exit codes: 0 done, 1 failed, 2 usage, 3 blocked, 4 limit reached, 5 cancelled, 130 interrupted. A task that was
    begun can be resumed after 1, 3, 4 and 130, and after 5 once it is reopened.
    """
    context.obj = Project.find(project)
    if not screen.escapes():
        context.color = False


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code. Whatever goes wrong is one line on standard error."""
    if os.name == "nt":
        return _fail("it needs a POSIX system: on Windows, use it inside WSL", OrchestratorError.exit_code)
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        width = min(screen.columns(), 100) - 2
        return int(commands.main(arguments, "orchestrator", standalone_mode=False, terminal_width=width) or 0)
    except OrchestratorError as error:
        return _fail(str(error), error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else _typed(sys.argv[1:] if arguments is None else arguments)
        said = error.format_message().replace("\n\t", " ").rstrip(".")
        return _fail(f"{said} (see {path} --help)", error.exit_code)
    except SystemExit as end:  # click's: a completion is told, or nobody reads the output any more
        return _UNREAD if end.code else 0
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted: `orchestrator status` shows what can be resumed", Interrupted.exit_code)
    except Exception as error:
        if os.environ.get("ORCHESTRATOR_DEBUG"):
            raise
        if isinstance(error, OSError) and error.filename and error.strerror:
            said = f"{os.fsdecode(error.filename)}: {error.strerror}; mend that, and do the same again"
        elif isinstance(error, OSError) and error.errno == errno.ENOSPC:
            screen.abandon_output()
            said = f"the output cannot be written: {error.strerror}; `orchestrator status` shows what was done"
        else:
            said = f"unexpected {type(error).__name__}: {error}; set ORCHESTRATOR_DEBUG=1 to see where"
        return _fail(said, OrchestratorError.exit_code)


def _open_streams() -> None:
    """What was closed of the three standard streams leads nowhere: else the next file opened would be taken for it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _typed(arguments: list[str]) -> str:
    """As far as it names a command."""
    names = commands.list_commands(click.Context(commands))
    return " ".join(("orchestrator", *[word for word in arguments if word in names][:1]))


def _fail(message: str, code: int) -> int:
    screen.complain(message)
    return code
