"""Who owns the work of people who are away or have left."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.support.flow import DIRECTORY, RULES
from tests.support.smtp_server import SmtpServer
from tests.support.timeline import PLAYBOOKS, Timeline
from worker.errors import UsageError
from worker.ruleset import RuleSets
from worker.store import absences
from worker.store.engine import Store

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


@pytest.fixture
def monday(fresh_store: Store) -> Timeline:
    return Timeline(fresh_store, "2026-11-23 10:00")


def test_open_work_of_somebody_who_goes_away_goes_to_the_delegate(monday: Timeline) -> None:
    one = monday.answer()
    due = monday.row(one).due_at
    monday.away("ana", "2026-11-24", "2026-12-04", "hana")
    assert monday.hand_over.run() == 1
    row = monday.row(one)
    assert (row.owner, row.stands_in_for, row.due_at) == ("hana", "ana", due)
    assert monday.told[1:] == ["Mon 10:00 handed_over to hana", "Mon 10:00 taken_over to ana"]
    assert monday.notes(one)[-1] == "Ana Keller is away from 2026-11-24 to 2026-12-04; hana owns it now"


def test_work_that_is_due_before_the_absence_stays(monday: Timeline) -> None:
    one = monday.answer()
    monday.away("ana", "2026-11-25", "2026-12-04", "hana")
    assert monday.hand_over.run() == 0
    assert monday.row(one).owner == "ana"


def test_without_a_delegate_it_goes_on_in_the_chain(monday: Timeline) -> None:
    one = monday.answer()
    monday.away("ana", "2026-11-23", "2026-12-04")
    monday.hand_over.run()
    assert (monday.row(one).owner, monday.row(one).stands_in_for) == ("bo", None)


def test_a_delegate_who_is_away_too_does_not_stand_in(monday: Timeline) -> None:
    one = monday.answer()
    monday.away("hana", "2026-11-20", "2026-12-04")
    monday.away("ana", "2026-11-23", "2026-12-04", "hana")
    monday.hand_over.run()
    assert monday.row(one).owner == "bo"


def test_work_of_somebody_who_left_goes_on_and_they_hear_nothing(monday: Timeline) -> None:
    one = monday.answer()
    monday.change(directory=DIRECTORY.replace("manager: bo}", "manager: bo, left: 2026-11-23}", 1))
    monday.hand_over.run()
    assert monday.row(one).owner == "bo"
    assert monday.told[1:] == ["Mon 10:00 handed_over to bo"]


def test_work_of_somebody_the_directory_forgot_goes_to_the_default_owner(monday: Timeline) -> None:
    one = monday.answer()
    gone = "\n".join(line for line in DIRECTORY.splitlines() if not line.startswith("  ana:"))
    monday.change(directory=gone)
    monday.hand_over.run()
    assert monday.row(one).owner == "bo"


def test_the_last_of_the_chain_keeps_it_and_is_not_told_again(monday: Timeline) -> None:
    one = monday.answer()
    monday.service.reassign(one, to="bo", by="ana", via="cli")
    before = len(monday.told)
    monday.change(playbooks=PLAYBOOKS.replace("[agent, manager]", "[manager]"))
    monday.away("ana", "2026-11-23", "2026-12-04")
    monday.away("bo", "2026-11-23", "2026-12-04")
    assert [monday.hand_over.run() for _ in range(3)] == [0, 0, 0]
    assert (monday.row(one).owner, len(monday.told)) == ("bo", before)


def test_who_is_barred_does_not_get_it_as_a_delegate(fresh_store: Store) -> None:
    barred = PLAYBOOKS.replace("owner: [agent, manager]", 'owner: ["person:hana", manager]\n    owner_not: [agent]')
    monday = Timeline(fresh_store, "2026-11-23 10:00", playbooks=barred)
    one = monday.answer()
    assert monday.row(one).owner == "hana"
    monday.away("hana", "2026-11-23", "2026-12-04", "ana")
    monday.hand_over.run()
    assert monday.row(one).owner == "bo"


def test_nobody_reassigns_to_who_is_away(monday: Timeline) -> None:
    one = monday.answer()
    monday.away("hana", "2026-11-23", "2026-12-04", "bo")
    with pytest.raises(UsageError, match=r"Hana Vogel is away from 2026-11-23 to 2026-12-04\. Choose bo\."):
        monday.service.reassign(one, to="hana", by="ana", via="cli")


def test_the_delegate_reads_why(fresh_store: Store, smtp: SmtpServer) -> None:
    monday = Timeline(fresh_store, "2026-11-23 10:00", mail=smtp)
    monday.answer()
    monday.deliver()
    monday.away("ana", "2026-11-24", "2026-12-04", "hana")
    monday.hand_over.run()
    monday.deliver()
    assert "Ana is away, and you stand in. The clock goes on." in " ".join(smtp.to("hana@example.com")[0].text.split())
    assert "Hana has taken this over." in " ".join(smtp.to("ana@example.com")[1].text.split())


def test_an_absence_in_the_store_changes_who_owns_and_not_the_revision(
    fresh_store: Store, monday: Timeline, tmp_path: Path
) -> None:
    for name, text in RULES.items():
        (tmp_path / "rules").mkdir(exist_ok=True)
        (tmp_path / "rules" / name).write_text(text, encoding="utf-8")
    sets = RuleSets(
        fresh_store, tmp_path / "rules", TEMPLATES, monday.clock, reachable=lambda _: True, hash_key=b"k"
    )  # fmt: skip
    sets.start()
    revision = sets.current().revision
    away = absences.Absent(person="ana", since=date(2026, 11, 23), until=date(2026, 12, 4), delegate="hana")
    with fresh_store.write() as conn:
        absences.add(conn, away, by="bo", now=monday.clock.now())
    assert (sets.refresh(), sets.refresh()) == (True, False)
    monday.flow.live = sets.current()
    assert (monday.row(monday.answer()).owner, sets.current().revision) == ("hana", revision)
    with fresh_store.write() as conn:
        assert absences.end(conn, "ana", monday.clock.now()) == 1
    assert sets.refresh()
    assert sets.current().people.directory.people["ana"].away == ()
