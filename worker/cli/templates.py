"""`innerloop templates`: see a message before anybody gets it."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING

import click

from worker.cli import opening, output, rule_files
from worker.cli.lazy import FOUND_SOMETHING
from worker.errors import UsageError
from worker.model.notice import PARTS
from worker.model.playbook import Say

if TYPE_CHECKING:
    from worker.model.notice import Kind
    from worker.notify.view import View
    from worker.ruleset import Files

_OF_CHANNEL = {"email": ("email.txt", "email.html"), "slack": ("slack", "slack")}  # to read here, to open


@click.group(name="templates")
def command() -> None:
    """See a message before anybody gets it."""


@command.command(name="preview")
@click.argument("kind", metavar="NOTICE", required=False)
@click.option(
    "--response", "reference", metavar="ID", help="About this stored answer (SOURCE/ID), not an invented one."
)
@click.option(
    "--say", type=click.Choice([say.value for say in Say]), help="What a customer is told. Default: recovery_reply."
)
@click.option("--channel", type=click.Choice(["email", "slack"]), default="email", show_default=True, help="By what.")
@click.option("--open", "opens", is_flag=True, help="Show it in the browser: the mail as HTML, the blocks drawn.")
@click.option("--part", type=click.Choice(PARTS), help="What to print of it. Default: a mail's text, Slack's blocks.")
@click.option("--language", help="The reader's: en, de, or en-XA for long accented text. Default: theirs, else en.")
@click.pass_context
def preview(
    ctx: click.Context,
    kind: str | None,
    reference: str | None,
    channel: str,
    opens: bool,
    part: str | None,
    language: str | None,
    say: str | None,
) -> None:
    """Render a NOTICE with the templates as they are now; without NOTICE, list them.

    It shows an invented customer, or with --response what the store knows; nothing is sent and nothing is stored.
    The message goes to stdout, its first lines to stderr. Ends with 1 where a template cannot be rendered; then the
    built-in text is shown, as it would be sent.
    """
    from worker.notify.render import Templates
    from worker.ruleset import below

    if kind is None:
        click.echo("\n".join(kinds()))
        return
    part = part or _OF_CHANNEL[channel][1 if opens else 0]
    wanted = _kind(kind, part, say)
    files = rule_files.read(opening.settings()).files
    shown = _view(wanted, files, reference, by_mail=part != "slack", language=language, say=say or "recovery_reply")
    rendered = Templates(below(files, "templates")).render(shown, (part,))
    _first_lines(shown, part)
    if opens:
        _open(shown, part, rendered.parts[part])
    else:
        click.echo(rendered.parts[part])
    for broken in rendered.broken:
        output.say(f"templates/{broken.template}: {broken.problem}; the built-in text is shown instead.")
    ctx.exit(FOUND_SOMETHING if rendered.broken else 0)


def kinds() -> list[str]:
    """Every kind of message that has a template."""
    from worker.model.notice import Kind

    return [kind.value for kind in Kind]


def _kind(name: str, part: str, say: str | None) -> Kind:
    from worker.model.notice import Kind, parts_of

    if name not in kinds():
        raise UsageError(f'"{name}" is no kind of message. Kinds: {", ".join(kinds())}.')
    kind = Kind(name)
    if part not in parts_of(kind):
        raise UsageError("Customers are told by mail only. Write: --channel email")
    if say and kind is not Kind.CUSTOMER:
        raise UsageError("--say belongs to what customers are told: innerloop templates preview customer --say thanks")
    return kind


def _view(kind: Kind, files: Files, reference: str | None, *, by_mail: bool, language: str | None, say: str) -> View:
    from worker.cli.previewing import of_response
    from worker.model.notice import Kind
    from worker.notify import samples

    if reference is None and kind is Kind.CUSTOMER:
        return samples.to_customer(Say(say), language=language or "en")
    if reference is None:
        return samples.view(kind, by_mail=by_mail, language=language or "en")
    return of_response(kind, reference, files, by_mail=by_mail, language=language, say=say)


def _first_lines(shown: View, part: str) -> None:
    """What a list of mails or a lock screen shows."""
    if part == "slack":
        output.say(f"Lock screen: {shown.lead}")
        return
    output.say(f"Subject: {shown.subject}")
    output.say(f"Sender: {shown.sender or 'the name in INNERLOOP_EMAIL_FROM'}")
    output.say(f"Preview: {shown.preheader}")


def _open(shown: View, part: str, text: str) -> None:
    """Into a file that only this user can read, and from there into a browser, where there is one."""
    from worker.cli.previewing import page, written

    path = written(page(shown, part, text))
    where = "Opened" if webbrowser.open(path.as_uri()) else "There is no browser here; the page is"
    output.say(f"{where} {path}")
