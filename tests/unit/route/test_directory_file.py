"""directory.yaml, the HR export beside it, and the small files of labels."""

from __future__ import annotations

from datetime import date, time

from tests.support.rule_sets import DIRECTORY, loaded, rule_set, told
from worker.model.directory import Absence, Window
from worker.model.survey import Polarity

EXPORT = """\ufeffID;Name;Email;Team;Known_As;Cost centre
ana;Ana Keller;ana@example.com;desk;a-417|zendesk:3811;4711

bo;"Bo; the second";bo@example.com;;;
"""


def test_people_come_from_an_export_and_are_completed_by_hand() -> None:
    directory = DIRECTORY + "  ana: {away: [{from: 2026-12-20, until: 2027-01-02, delegate: bo}]}\n"
    directory = directory.replace("people:", "people_from: people.csv\nteams: {desk: {}}\npeople:", 1)
    people = rule_set({"directory.yaml": directory, "people.csv": EXPORT}).directory.people
    assert people["ana"].known_as == ("a-417", "zendesk:3811")
    assert people["ana"].away == (Absence(since=date(2026, 12, 20), until=date(2027, 1, 2), delegate="bo"),)
    assert people["bo"].name == "Bo; the second"


def test_another_channel_has_its_addresses_beside_the_two_that_ship() -> None:
    directory = (
        DIRECTORY.replace("people:", "people_from: people.csv\nteams: {desk: {queue: {pager: desk-1}}}\npeople:", 1)
        + "  ana: {slack: U01ANA}\n  cyd: {name: Cyd, pager: cyd-1}\n"
    )
    export = "id,name,email,pager\nana,Ana,ana@example.com,ana-1\n"
    files = {"directory.yaml": directory, "people.csv": export}
    found = loaded(files, channels=("slack", "email", "pager")).rule_set
    assert found is not None
    assert found.directory.people["ana"].addresses == {
        "slack": "U01ANA", "email": "ana@example.com", "pager": "ana-1"
    }  # fmt: skip
    assert found.directory.people["cyd"].addresses == {"pager": "cyd-1"}
    assert found.directory.teams["desk"].addresses == {"pager": "desk-1"}
    assert "E101" in {finding.code for finding in loaded(files).findings}


def test_mistakes_in_an_export_are_told_with_their_line() -> None:
    directory = DIRECTORY.replace("people:", "people_from: people.csv\npeople:", 1)
    export = "id,name,email,team\nana,Ana,ana@example.com,dsek\nana,Ana,,\n4711,Bo,,\n"
    findings = loaded({"directory.yaml": directory, "people.csv": export}).findings
    assert [(finding.file, finding.line, finding.code) for finding in findings] == [
        ("rules/people.csv", 2, "E119"), ("rules/people.csv", 3, "E115"), ("rules/people.csv", 4, "E114"),
    ]  # fmt: skip


def test_a_number_that_was_given_on_means_who_is_still_there() -> None:
    people = "  old: {name: Old, known_as: a-1, left: 2026-01-01}\n  new: {name: New, known_as: a-1}\n"
    assert rule_set({"directory.yaml": DIRECTORY + people}).directory.aliases["a-1"] == "new"


def test_two_who_cover_each_other_at_different_times_are_fine() -> None:
    people = (
        "  ana: {name: Ana, away: [{from: 2026-12-01, until: 2026-12-07, delegate: bo}]}\n"
        "  bo: {name: Bo, away: [{from: 2026-12-08, until: 2026-12-14, delegate: ana}]}\n"
    )
    assert "bo" in rule_set({"directory.yaml": DIRECTORY + people}).directory.people


def test_opening_hours_may_have_breaks_and_run_past_midnight() -> None:
    hours = '{mon-thu: ["09:00-12:30", "13:00 - 17:30"], fri: "22:00-06:00", sat-sun: "00:00-24:00"}'
    calendars = f"calendars: {{c: {{timezone: Europe/Berlin, hours: {hours}}}}}\n"
    week = rule_set({"directory.yaml": DIRECTORY + calendars}).directory.calendars["c"].hours
    assert week[0] == (Window(time(9), time(12, 30)), Window(time(13), time(17, 30)))
    assert week[4] == (Window(time(22), time(6)),)
    assert week[6] == (Window(time(0), None),)


def test_habits_of_people_and_teams_are_read() -> None:
    person = (
        "  ana: {name: Ana, quiet: {hours: outside_calendar, except: urgent}, at_most: {messages: 30, per: 1 hour}, "
        'digest: {at: "08:30", priorities: [low, normal]}}\n'
    )
    ana = rule_set({"directory.yaml": DIRECTORY + person}).directory.people["ana"]
    assert ana.quiet and ana.quiet.outside_calendar and ana.quiet.except_ == ("urgent",)
    assert ana.at_most and (ana.at_most.messages, str(ana.at_most.per)) == (30, "1 hour")
    assert ana.digest and (ana.digest.at, ana.digest.priorities) == (time(8, 30), ("low", "normal"))


def test_surveys_bring_their_scale_polarity_and_settle_window() -> None:
    surveys = (
        "format: 1\nsurveys:\n  after-call:\n    metric: effort\n    settle: 2 hours\n    polarity: improve\n"
        "    scale: {range: 0 to 100, detractor: at least 60, promoter: at most 20, whole: no}\n"
    )
    rules = rule_set({"surveys.yaml": surveys})
    survey = rules.surveys["after-call"]
    assert (survey.metric, survey.polarity, str(survey.settle)) == ("effort", Polarity.IMPROVE, "2 hours")
    assert survey.scale and not survey.scale.higher_is_better and not survey.scale.whole
    assert rules.fields["response.score"].high == 100
    assert "effort" in (rules.fields["response.metric"].values or ())


def test_cut_offs_that_meet_are_refused() -> None:
    surveys = "format: 1\nsurveys: {s: {scale: {range: 0 to 10, detractor: at most 6, promoter: at least 6}}}\n"
    assert [line.split()[1] for line in told(loaded({"surveys.yaml": surveys}).findings)] == ["E105"]


def test_root_causes_have_two_levels() -> None:
    causes = (
        "format: 1\nroot_causes:\n  billing: [amount, surprise]\n  other: {needs_note: yes, causes: {slip: A slip}}\n"
    )
    found = rule_set({"root_causes.yaml": causes}).root_causes
    assert list(found) == ["billing", "billing.amount", "billing.surprise", "other", "other.slip"]
    assert (found["other.slip"].name, found["other.slip"].needs_note, found["billing"].needs_note) == (
        "A slip",
        True,
        False,
    )


def test_labels_are_closed_by_the_lexicon_that_names_them() -> None:
    themes = "format: 1\nthemes:\n  billing: {words: {en: [invoice, bill]}, not: {en: [bill gates]}}\n"
    rules = rule_set({"themes.yaml": themes})
    assert rules.themes[0].words == {"en": ("invoice", "bill")}
    assert rules.themes[0].exclusions == {"en": ("bill gates",)}
    assert rules.fields["response.themes"].values == ("billing",)
