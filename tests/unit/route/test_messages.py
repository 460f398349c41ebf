"""What people read when they made a mistake: the place, what is wrong, what to write."""

from __future__ import annotations

import pytest

from tests.support.rule_sets import DIRECTORY, PLAYBOOKS, ROUTING, loaded, refusal, told, with_rules
from worker.route.findings import as_github, as_json, as_text

CONDITIONS = [
    ("{response.score: atmost 4}",
     'E104 cannot read "atmost 4" as a number test. Write: at most 4, at least 4, below 4, above 4, or 0 to 4.'),
    ("{response.score: '>= 7'}", 'E104 cannot read ">= 7" as a number test. Write it in words: at least 7'),
    ("{response.score: 6 to 0}", 'E105 no number is "6 to 0". Swap the ends, or use an any group.'),
    ("{response.score: above 10}",
     'E105 response.score is a number from 0 to 10, so "above 10" can never hold. Write a number from 0 to 10.'),
    ("{response.score: {not: at most 4}}", 'E106 {not: at most 4}: "not" takes values, never tests. Write: above 4'),
    ("{interaction.wait_seconds: above 9}",
     'E104 cannot read "above 9" as a duration test. Write: above 9 minutes, at most 9 minutes, or 0 to 9 minutes.'),
    ("{response.score: {at_most: 4}}",
     ('E101 unknown test "at_most". response.score is a number; its tests are: is, not, known, or_unknown. '
     "Write: response.score: at most 4")),
    ("{response.score: [at most 2, 9]}",
     'E106 "at most 2" is a test, and a list takes values. Put the tests into an any group, one in each member.'),
    ("{tier: gold}", 'E102 unknown field "tier". Did you mean "customer.tier"?'),
    ("{attribute.plan: pro}", 'E102 unknown field "attribute.plan". Did you mean "attributes.plan"?'),
    ("{language: de}", 'E102 unknown field "language". Did you mean "response.language" or "customer.language"?'),
    ("{response.class:detractor}",
     'E102 unknown field "response.class:detractor". Put a space after the ":". Write: response.class: detractor'),
    ("{customer.tier: at most 4}",
     ('E106 "at most 4" tests a number, and customer.tier is one word of a set. '
     'If the text is meant, put it in quotes: "at most 4".')),
    ("{customer.tier: {any_of: [a, b]}}",
     'E106 "any_of" cannot test customer.tier, which is one word of a set. Write: customer.tier: [a, b]'),
    ("{customer.may_contact: maybe}", 'E103 customer.may_contact is yes or no, not "maybe". Write: yes, or no.'),
    ("{response.responded_at: {within_last: 30d}}",
     'E126 "30d" means different things to different people. Write: 30 days.'),
    ("{response.themes: {any_of: [a], none_of: [a]}}",
     "E105 response.themes: the tests exclude each other, so this can never hold. Take one of them out."),
    ("{now: {in_hours: berlin}}", 'E119 there is no calendar "berlin" in directory.yaml. There are: none.'),
    ("{all: [{response.score: 1}]}",
     'E102 unknown field "all". Write the clauses straight into when: all of them must hold.'),
    ("{response.score: {known: no, is: 4}}",
     ("E105 response.score: a field without a value passes no other test, so this can never hold. "
     "Keep known: no, or the test.")),
    ("nearly", ('E116 when is a mapping of tests, or the word always, not "nearly". '
     "Write: when: {response.class: detractor}")),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "said"), CONDITIONS)
def test_a_condition_that_cannot_be_meant_is_told_in_one_line(condition: str, said: str) -> None:
    assert refusal(condition) == said


FILES = [
    ("routing.yaml", ROUTING.replace("{ignore: no rule holds}", "{ignore: yes}"),
     ["4:56 E107 ignore needs a reason. Write: ignore: not a detractor"]),
    ("routing.yaml", ROUTING.replace("when: always", "if: always"),
     [('4:27 E101 unknown key "if". A rule may have: id, name, when, then, mode, from, until, rollout, was, '
      'maintained_by. Did you mean "when"?')]),
    ("routing.yaml", ROUTING.replace("always,", "always"),
     ["4:44 E100 braces that are not closed, or a missing comma. Write: {a: 1, b: 2}"]),
    ("playbooks.yaml", PLAYBOOKS.replace("owner: agent", "owner: head"),
     [('3:41 E103 owner cannot be "head". It may be: agent, manager, account_manager, unit_manager, team_lead, '
      'team_queue, person:ID, team:ID. Write: "person:head"')]),
    ("playbooks.yaml", PLAYBOOKS.replace("1 day", "4h"),
     ['3:53 E126 "4h" means different things to different people. Write: 4 hours, or 4 business hours.']),
    ("directory.yaml", DIRECTORY + "calendars: {c: {timezone: Europe/Paris, hours: {monday-friday: '09:00-17:00'}}}\n",
     ['5:49 E103 "monday-friday" is no day. There are: mon, tue, wed, thu, fri, sat, sun. Write: mon-fri']),
    ("directory.yaml", DIRECTORY + "teams:\n  desk: {queue: {slack: #desk, email: desk@example.com}}\n",
     ['6:25 E109 slack has no value: everything after " #" is a comment. Put the channel in quotes: "#desk".']),
    ("directory.yaml", DIRECTORY.replace("default_owner", "default-owner"),
     [('2:1 E101 unknown key "default-owner". directory.yaml may have: format, default_owner, default_calendar, '
      'calendars, units, teams, people, people_from. Did you mean "default_owner"?')]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "said"), FILES)
def test_a_file_that_cannot_be_meant_is_told_once(name: str, text: str, said: list[str]) -> None:
    assert told(loaded({name: text}).findings) == said


def test_at_most_twenty_are_told_and_the_rest_is_counted() -> None:
    rules = "\n".join(f"  - {{id: r{n}, wehn: x, then: {{open: recover}}}}" for n in range(25))
    findings = loaded(with_rules(rules)).findings
    assert len(as_text(findings)) == 21
    assert as_text(findings)[-1] == "and 5 more"
    document = as_json(findings, "abc")
    assert (document["ok"], len(document["findings"]), document["more"]) == (False, 20, 5)


def test_findings_can_stand_beside_the_line_on_github() -> None:
    findings = loaded(with_rules("  - {id: r, when: {tier: gold}, then: {open: recover}}")).findings
    assert as_github(findings) == [
        '::error file=rules/routing.yaml,line=4,col=20,title=E102::unknown field "tier". Did you mean "customer.tier"?'
    ]


def test_places_line_up_in_one_column() -> None:
    findings = loaded({"playbooks.yaml": "format: 2\n", "directory.yaml": "format: 3\n"}).findings
    assert {line.index(" E") for line in as_text(findings)} == {len("rules/playbooks.yaml:1:9")}


def test_a_broken_file_does_not_make_others_look_broken() -> None:
    findings = loaded(
        {"directory.yaml": "people: [\n", "playbooks.yaml": PLAYBOOKS.replace("agent", "'person:x'")}
    ).findings
    assert [(finding.file, finding.code) for finding in findings] == [("rules/directory.yaml", "E100")]
