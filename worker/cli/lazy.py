"""A click group that imports a command when it is asked for, and says errors in one line."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

import click

from worker.errors import ConflictError, InnerloopError, NotAllowed, NotFound

FOUND_SOMETHING = 1
COULD_NOT_RUN = 2


class FoundWrong(click.ClickException):
    """The command looked, and the answer is no. Said in one line, without a traceback."""

    exit_code = FOUND_SOMETHING

    def show(self, file: Any = None) -> None:
        for line in self.message.splitlines():
            click.echo(f"innerloop: {line}", err=True)


class CouldNotRun(FoundWrong):
    """The command could not do its work."""

    exit_code = COULD_NOT_RUN


def failure(error: InnerloopError) -> click.ClickException:
    """The error as the terminal shows it, with its exit code."""
    said_no = isinstance(error, NotFound | NotAllowed | ConflictError)
    return FoundWrong(str(error)) if said_no else CouldNotRun(str(error))


class LazyGroup(click.Group):
    """`lazy` maps a command's name to (module, one line of help); the module's `command` is the command."""

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return None
        command = importlib.import_module(self.lazy[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], self.lazy, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"{error.message}{hint}", ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.lazy.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InnerloopError as error:
            raise failure(error) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.params.get("traceback"):
                raise
            text = " ".join(f"{type(error).__name__}: {error}".split())
            hint = "`innerloop --traceback …` shows where; please report it."
            raise CouldNotRun(f"unexpected {text[:400]} ({hint})") from None
