"""`innerloop templates`: see a message before anybody gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from worker.cli import opening, output, rule_files
from worker.cli.lazy import FOUND_SOMETHING
from worker.errors import UsageError

if TYPE_CHECKING:
    from worker.model.notice import Kind

_PARTS = ("email.txt", "email.html", "slack")


@click.group(name="templates")
def command() -> None:
    """See a message before anybody gets it."""


@command.command(name="preview")
@click.argument("kind", metavar="KIND", required=False)
@click.option("--part", type=click.Choice(_PARTS), default=_PARTS[0], show_default=True, help="What to show of it.")
@click.option(
    "--language", default="en", show_default=True, help="The reader's: en, de, or en-XA for long accented text."
)
@click.pass_context
def preview(ctx: click.Context, kind: str | None, part: str, language: str) -> None:
    """Render a template with an invented message of its KIND; without KIND, list the kinds.

    The rendered part goes to stdout, its subject to stderr. Ends with 1 where the template cannot be rendered; then
    the built-in text is shown, as it would be sent.
    """
    from worker.notify.render import Templates
    from worker.notify.samples import view

    if kind is None:
        click.echo("\n".join(kinds()))
        return
    files = rule_files.read(opening.settings())
    pages = {name.removeprefix("templates/"): data for name, data in files.items() if name.startswith("templates/")}
    shown = view(_kind(kind), by_mail=part != "slack", language=language)
    rendered = Templates(pages).render(shown, (part,))
    output.say(f"Subject: {shown.subject}")
    click.echo(rendered.parts[part])
    for broken in rendered.broken:
        output.say(f"templates/{broken.template}: {broken.problem}; the built-in text is shown instead.")
    ctx.exit(FOUND_SOMETHING if rendered.broken else 0)


def kinds() -> list[str]:
    """Every kind of message that has a template."""
    from worker.model.notice import Kind

    return [kind.value for kind in Kind if kind is not Kind.CUSTOMER]


def _kind(name: str) -> Kind:
    from worker.model.notice import Kind

    if name not in kinds():
        raise UsageError(f'"{name}" is no kind of message. Kinds: {", ".join(kinds())}.')
    return Kind(name)
