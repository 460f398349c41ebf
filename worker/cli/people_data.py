"""`innerloop people export` and `erase`: what is known of a customer, and forgetting it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from worker.cli import opening, output, rule_files
from worker.errors import NotFound, UsageError

if TYPE_CHECKING:
    from worker.settings import Settings
    from worker.store.dead_letters import Seal
    from worker.store.engine import Store
    from worker.store.persons import Person

_WHO = click.argument("who", metavar="CUSTOMER", required=False)
_CUSTOMER = click.option("--customer", metavar="CUSTOMER", help="The same, as in `innerloop why`.")
_BY = click.option("--by", metavar="PERSON", help="Who acts. Kept in the audit.")


@click.command(name="export")
@_WHO
@_CUSTOMER
@_BY
def export(who: str | None, customer: str | None, by: str | None) -> None:
    """Everything that is stored of a customer, as one JSON object: contact data and raw records as well.

    CUSTOMER is an id, a key such as crm/c-77, or an e-mail address.
    """
    from worker.store import persons

    settings = opening.settings()
    with opening.store() as store:
        person = _find(store, settings, _who(who, customer))
        with store.write() as conn:
            found = persons.export(conn, person, _seal(settings))
            opening.audit(conn, "customer exported", by, person.counts())
    output.write_json({"exported_at": opening.now().isoformat(), **found})


@click.command(name="erase")
@_WHO
@_CUSTOMER
@click.option("--yes", is_flag=True, help="Do it. Without this, only say what would be erased.")
@_BY
@click.option("--json", "as_json", is_flag=True, help="One object: done, and how much of each kind.")
def erase(who: str | None, customer: str | None, yes: bool, by: str | None, as_json: bool) -> None:
    """Forget a customer for good: words, name, contact data, notes about them, raw records. This cannot be undone.

    CUSTOMER is an id, a key such as crm/c-77, or an e-mail address. Live follow-ups are cancelled and their owners
    told. Reading the topic again, an import or a replay does not bring anything back.
    """
    settings = opening.settings()
    with opening.store() as store:
        person = _find(store, settings, _who(who, customer))
    if yes:
        _erase(person, by)
    if as_json:
        output.write_json({"done": yes, **person.counts()})
    else:
        _write(person, done=yes)


def _erase(person: Person, by: str | None) -> None:
    from worker.clock import SystemClock
    from worker.followup.erasing import Erasing

    with opening.worker() as app:
        live = app.rule_sets.current()
        erasing = Erasing(app.store, app.service, SystemClock(), live.reader.mark_of)
        erasing.run(person, by=by or "cli", revision=live.revision)
        with app.store.write() as conn:
            opening.audit(conn, "customer erased", by, person.counts())


def _who(positional: str | None, option: str | None) -> str:
    """Raises UsageError unless it was said once."""
    given = [who.strip() for who in (positional, option) if who and who.strip()]
    if len(given) != 1:
        raise UsageError("Say whom, once: an id, a key such as crm/c-77, or an e-mail address.")
    return given[0]


def _find(store: Store, settings: Settings, who: str) -> Person:
    """Raises NotFound where nothing is stored of anybody of that name."""
    from worker.ingest.reader import customer_key
    from worker.store import persons

    key = rule_files.customer_hash_key(settings)
    with store.read() as conn:
        person = persons.find(conn, who, lambda address: str(customer_key("", None, address, key)), _seal(settings))
    if person.is_nobody:
        raise NotFound("Nothing is stored of such a customer. People at work are in rules/directory.yaml.")
    return person


def _seal(settings: Settings) -> Seal | None:
    from worker.store.dead_letters import Seal

    keys = [key.get_secret_value() for key in settings.secret_keys]
    return Seal(keys) if keys else None


def _write(person: Person, *, done: bool) -> None:
    out = output.console()
    counts = person.counts()
    out.print(output.gutter("Customer", *person.keys))
    out.print(output.gutter("Responses", f"{counts['responses']}: words, name, contact data; scores and ids stay"))
    shared = f"; {len(person.shared)} of them go on, since others' answers are in them" if person.shared else ""
    out.print(
        output.gutter("Follow-ups", f"{counts['follow_ups']}: notes and close-out; live ones are cancelled{shared}")
    )
    out.print(
        output.gutter("Records", f"{counts['dead_letters']} dead letters that speak of them; nobody can replay them")
    )
    if person.unopened:
        out.print(
            output.gutter(
                "Unknown", f"{person.unopened} sealed records that no key of today opens; they are purged in time"
            )
        )
    if done:
        output.say("Erased. Messages in mailboxes, and records in Kafka, are not ours to erase.")
    else:
        output.say("Nothing was changed. Erasing cannot be undone; to do it: the same command with --yes")
