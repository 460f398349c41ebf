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
    ("{customer.tier: gold, platinum, silver}",
     ('E102 unknown field "platinum". Several values stand in brackets. '
      "Write: customer.tier: [gold, platinum, silver]")),
    ("{customer.value: at least 1,000}",
     'E102 unknown field "000". A number is written without commas. Write: customer.value: at least 1000'),
    ("{customer.value: at least €1000}",
     'E104 cannot read "at least €1000" as a number test. Write: at least 1000'),
    ("{customer.value: '1,000 EUR or more'}",
     'E104 cannot read "1,000 EUR or more" as a number test. Write: at least 1000'),
    ("{customer.value.amount: above 5}", 'E102 unknown field "customer.value.amount". Did you mean "customer.value"?'),
    ("{customer.email: a@example.com}",
     ('E102 unknown field "customer.email". Rules are not told who somebody is: write customer.id, or a fact such as '
      "customer.tier.")),
    ("{customer.tier: {not: gold}, or_unknown: yes}",
     ('E102 unknown field "or_unknown". It stands in the braces of a field: '
      "{is: value, or_unknown: yes}")),
    ("{customer.tier: {in: [gold, silver]}}",
     ('E101 unknown test "in". customer.tier is one word of a set; its tests are: is, not, known, or_unknown. '
      "Write: customer.tier: [gold, silver]")),
    ("{customer.tier: {not_in: [gold]}}",
     ('E101 unknown test "not_in". customer.tier is one word of a set; its tests are: is, not, known, or_unknown. '
      "Write: customer.tier: {not: [gold]}")),
    ("{response.class: not detractor}",
     ('E103 response.class is never "not detractor". There are: promoter, passive, detractor. '
      "Write: response.class: {not: detractor}")),
    ("{response.class: passive or promoter}",
     ('E103 response.class is never "passive or promoter". There are: promoter, passive, detractor. '
      "Write: response.class: [passive, promoter]")),
    ("{response.score: between 5 and 7}", 'E104 cannot read "between 5 and 7" as a number test. Write: 5 to 7'),
    ("{response.score: 5 or 6}", 'E104 cannot read "5 or 6" as a number test. Write: [5, 6]'),
    ("{response.score: {between: [0, 6]}}",
     'E106 "between" cannot test response.score, which is a number. Write: response.score: 0 to 6'),
    ("{response.score: {gte: 3}}",
     ('E101 unknown test "gte". response.score is a number; its tests are: is, not, known, or_unknown. '
      "Write: response.score: at least 3")),
    ("{response.comment: {includes: refund}}",
     ('E101 unknown test "includes". response.comment is text; its tests are: is, not, mentions, contains, '
      "starts_with, ends_with, matches, known, or_unknown. Write: response.comment: {mentions: refund}")),
    ("{response.themes: {includes: billing}}",
     ('E101 unknown test "includes". response.themes is a list; its tests are: is, not, any_of, all_of, none_of, '
      "known, or_unknown.")),
    ("{now: {in: [sat]}}",
     ('E101 unknown test "in". now is a time; its tests are: is, not, within_last, on, between, before, after, '
      'in_hours, outside_hours, known, or_unknown.')),
    ("{customer.tier: {exists: true}}",
     ('E101 unknown test "exists". customer.tier is one word of a set; its tests are: is, not, known, or_unknown. '
      "Write: customer.tier: {known: yes}")),
    ("{customer.tier: gold or platinum}",
     ('W205 "gold or platinum" is one value of customer.tier, with all its words. '
      "Write: customer.tier: [gold, platinum], or put the value in quotes.")),
    ("{customer.tier: not gold}",
     ('W205 "not gold" is one value of customer.tier, with all its words. '
      "Write: customer.tier: {not: gold}, or put the value in quotes.")),
    ("{response.comment: {mentions: []}}",
     'E112 "mentions" is an empty list. Put something in it, or delete the key.'),
    ("{now: {between: 9-17}}", 'E104 cannot read 9-17 as two times of day. Write: {between: ["09:00", "17:00"]}'),
    ("{now: {between: ['12:00', 5.30pm]}}", 'E104 cannot read "5.30pm" as a time of day. Write: "17:30"'),
    ("{now: {before: 1.12.2026}}", 'E104 cannot read "1.12.2026" as a date. Write: 2026-12-01'),
    ("{now: {before: 2026-02-30}}", 'E104 there is no day "2026-02-30". Write year-month-day: 2026-12-31'),
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
    ("{response.score: less than 4}", 'E104 cannot read "less than 4" as a number test. Write: below 4'),
    ("{response.score: {less_than: 4}}",
     ('E101 unknown test "less_than". response.score is a number; its tests are: is, not, known, or_unknown. '
      "Write: response.score: below 4")),
    ("{interaction.wait_seconds: above 1d}", 'E104 cannot read "above 1d" as a duration test. Write: above 1 day'),
    ("{interaction.wait_seconds: more than 2 business hours}",
     'E104 cannot read "more than 2 business hours" as a duration test. Write: above 2 hours'),
    ("{now: {within_last: 1 business day}}",
     'E104 within_last cannot be "1 business day": it is elapsed time. Write: 1 day'),
    ("{now: {on: weekend}}",
     'E103 "weekend" is no day. There are: mon, tue, wed, thu, fri, sat, sun. Write: sat-sun'),
    ("{response.score: 0-6}", 'E104 cannot read "0-6" as a number test. Write: 0 to 6'),
    ("{response.score: 6 or less}", 'E104 cannot read "6 or less" as a number test. Write: at most 6'),
    ("{response.score: 9+}", 'E104 cannot read "9+" as a number test. Write: at least 9'),
    ("{response.class: !detractor}", 'E100 a value cannot begin with "!". Write: {not: value}, or put it in quotes.'),
    ("{response.class: {not: [promoter, passive, detractor]}}",
     "E105 response.class: not names every value it can have, so this can never hold. Take one of them out."),
    ("{non: [{response.score: 1}]}", 'E102 unknown field "non". Did you mean "none"?'),
    ("{answers.effort: 3}", 'E102 unknown field "answers.effort". Did you mean "response.answers.effort"?'),
    ("{response.score at most 4: }",
     ('E102 unknown field "response.score at most 4". Put a ":" after the field. '
      "Write: response.score: at most 4")),
    ("allways", 'E116 when is a mapping of tests, or the word always, not "allways". Write: when: always'),
    ("nearly", ('E116 when is a mapping of tests, or the word always, not "nearly". '
     "Write: when: {response.class: detractor}")),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "said"), CONDITIONS)
def test_a_condition_that_cannot_be_meant_is_told_in_one_line(condition: str, said: str) -> None:
    assert refusal(condition) == said


CALENDAR = DIRECTORY + ("calendars: {c: {timezone: UTC, hours: {mon: '09:00-17:00'}, holidays: {%s}}}\n")
FILES = [
    ("routing.yaml", ROUTING.replace("{ignore: no rule holds}", "{ignore: yes}"),
     ["4:56 E107 ignore needs a reason. Write: ignore: not a detractor"]),
    ("routing.yaml", ROUTING.replace("when: always", "if: always"),
     [('4:27 E101 unknown key "if". A rule may have: id, name, when, then, mode, from, until, rollout, was, '
      'maintained_by. Did you mean "when"?')]),
    ("routing.yaml", ROUTING.replace("always,", "always"),
     [('4:44 E100 a ": " inside a value, or no comma before "then". Put the whole value in quotes, '
       "or write the comma.")]),
    ("playbooks.yaml", PLAYBOOKS.replace("owner: agent", "owner: head"),
     [('3:41 E103 owner cannot be "head". It may be: agent, manager, account_manager, unit_manager, team_lead, '
      'team_queue, person:ID, team:ID. Write: "person:head"')]),
    ("playbooks.yaml", PLAYBOOKS.replace("1 day", "4h"),
     ['3:53 E126 "4h" means different things to different people. Write: 4 hours, or 4 business hours.']),
    ("directory.yaml", DIRECTORY + "calendars: {c: {timezone: Europe/Paris, hours: {monday-friday: '09:00-17:00'}}}\n",
     ['5:49 E103 "monday-friday" is no day. There are: mon, tue, wed, thu, fri, sat, sun. Write: mon-fri']),
    ("directory.yaml", DIRECTORY + "teams:\n  desk: {queue: {slack: #desk, email: desk@example.com}}\n",
     ['6:25 E109 slack has no value: everything after " #" is a comment. Put the channel in quotes: "#desk".']),
    ("directory.yaml", CALENDAR % "country: GERMANY",
     [('5:81 E105 no public holidays are known for the country "GERMANY". Write its two-letter ISO code, '
       "such as DE.")]),
    ("directory.yaml", CALENDAR % "country: GB, subdivision: LON",
     ['5:98 E105 no public holidays are known for "LON" in GB. GB has: ENG, NIR, SCT, WLS.']),
    ("directory.yaml", DIRECTORY + "teams: {a: {lead: bo}, b: {lead: bo}}\nunits: {c: {manager: bo}}\n",
     ['5:19 E119 there is no person "bo" in directory.yaml (also in line 5, line 6). There are: head.']),
    ("directory.yaml", DIRECTORY.replace("{name: Head", "{name: Head, language: German"),
     ['4:32 E103 "German" is no language code. Write: de']),
    ("directory.yaml", 'format: 1\ndefault_owner: "person:head\npeople:\n  head: {name: Head, slack: "U1"}\n',
     ["2:16 E100 a quote that is opened and never closed. Close it."]),
    ("routing.yaml", ROUTING.replace("{id: everything-else", "{id: a, when: {response.score: 1}\n  - {id: b"),
     ["4:5 E100 braces that are not closed, or a missing comma. Write: {a: 1, b: 2}"]),
    ("routing.yaml", ROUTING.replace("rules:", "rules:\n  - id: a\n    when:\n      response.score: >4"),
     ['6:23 E104 cannot read ">4" as a number test. Write it in words: above 4']),
    ("routing.yaml", ROUTING + "also:\n  - {id: a, when: always, add: {copy: [team: desk]}}\n",
     ['6:40 E116 an entry of copy is one value, not a mapping. Write it in quotes, without a space: "team:desk"']),
    ("routing.yaml", ROUTING + "also:\n  - {id: a, when: always, add: {priority: high}}\n",
     [('6:33 E101 unknown key "priority". add may have: copy, tags, priority_at_least. '
       'Did you mean "priority_at_least"?')]),
    ("playbooks.yaml", PLAYBOOKS.replace("1 day", "1 day, escalate: [{afte: 1 hour, to: manager}]"),
     [('3:72 E101 unknown key "afte". an entry of escalate may have: after, at, after_due, unless, to, hand_over, '
       'priority, by, next_channel_after. Did you mean "after"?')]),
    ("playbooks.yaml", PLAYBOOKS.replace("agent", '"agent, manager"'),
     [('3:41 E103 owner cannot be "agent, manager". It may be: agent, manager, account_manager, unit_manager, '
       "team_lead, team_queue, person:ID, team:ID. Write: [agent, manager]")]),
    ("directory.yaml", DIRECTORY + "team: {desk: {}}\n",
     [('5:1 E101 unknown key "team". directory.yaml may have: format, default_owner, default_calendar, calendars, '
       'units, teams, people, people_from. Did you mean "teams"?')]),
    ("directory.yaml", DIRECTORY.replace("{name: Head", "{name: Head, away: [{from: 2026-12-20, to: 2026-12-24}]"),
     ['4:48 E101 unknown key "to". an entry of away may have: from, until, delegate. Did you mean "until"?']),
    ("directory.yaml", DIRECTORY.replace("{name: Head", "{name: Head, known_as: a, b"),
     [('4:35 E101 unknown key "b". person "head" may have: name, email, slack, known_as, team, manager, language, '
       "timezone, calendar, away, left, quiet, at_most, digest. If it belongs to a list, put that into brackets: "
       "[a, b].")]),
    ("playbooks.yaml", PLAYBOOKS.replace("1 day", "1 day, tell_customer: [{say: recovery_reply, by: [slack]}]"),
     [('3:103 E103 a customer cannot be told by "slack": mail is the only way to them. '
       "Write: by: email, or leave it out.")]),
    ("playbooks.yaml", PLAYBOOKS.replace("1 day", "1 day, tell_customer: [{say: recovery_repli}]"),
     [('3:82 E103 "recovery_repli" is no word to a customer. There are: thanks, recovery_reply, we_fixed_it. '
       'Did you mean "recovery_reply"?')]),
    ("playbooks.yaml", PLAYBOOKS.replace("1 day", "1 day, tell_customer: [{say: thanks}]"),
     [('3:75 E129 say: thanks does not fit playbook "recover": it is worked on by people, who answer themselves. '
       "Write: say: recovery_reply or say: we_fixed_it")]),
    ("playbooks.yaml", PLAYBOOKS.replace("1 day", "1 day, closes_itself: yes, tell_customer: [{say: we_fixed_it}]"),
     [('3:95 E129 say: we_fixed_it does not fit playbook "recover": it closes itself, so nobody will be in touch. '
       "Write: say: thanks")]),
    ("playbooks.yaml", PLAYBOOKS.replace("1 day", "1 day, notify: [{to: customer}]"),
     [('3:74 E103 to cannot be "customer". It may be: owner, agent, manager, account_manager, unit_manager, '
       "team_lead, team_queue, person:ID, team:ID. A customer is told by a key of the playbook: "
       "tell_customer: [{say: recovery_reply}]")]),
    ("playbooks.yaml", PLAYBOOKS.replace("1 day", "1 day, tell_customer: [{say: we_fixed_it, even_if: privat}]"),
     ['3:104 E103 "privat" is no even_if. There are: private, severity. Did you mean "private"?']),
    ("playbooks.yaml", PLAYBOOKS.replace("1 day", "1 day, tell_customer: [{say: we_fixed_it}, {say: we_fixed_it}]"),
     ["3:96 E129 tell_customer says we_fixed_it twice. Keep one of the two."]),
    ("routing.yaml", ROUTING.replace("{ignore: no rule holds}", "{open: recover, tell_customer: [{say: thanks}]}"),
     [('4:78 E129 say: thanks does not fit playbook "recover": it is worked on by people, who answer themselves. '
       "Write: say: recovery_reply or say: we_fixed_it")]),
    ("directory.yaml", DIRECTORY.replace("{name: Head", '{name: Head, manager: "person:head"'),
     ['4:31 E103 manager is the id of a person, without "person:". Write: head']),
    ("directory.yaml", DIRECTORY.replace("{name: Head", "{name: Head, quiet: {hours: outside_calender}"),
     ['4:37 E104 cannot read "outside_calender" as quiet hours. Did you mean "outside_calendar"?']),
    ("directory.yaml", DIRECTORY.replace("{name: Head", "{name: Head, quiet: {hours: 7pm-8}"),
     ['4:37 E104 cannot read "7pm-8" as quiet hours. Write: "19:00-08:00"']),
    ("directory.yaml", DIRECTORY.replace("{name: Head", "{name: *Head*"),
     ['4:16 E100 a value cannot begin with "*". Put it in quotes.']),
    ("playbooks.yaml", PLAYBOOKS.replace("owner: agent", "owner: 'person: head'"),
     ['3:41 E103 owner cannot be "person: head". Write: "person:head"']),
    ("routing.yaml", ROUTING.replace("when: always,", "when: always, priority: high,"),
     ['4:41 E101 "priority" stands in then. Write: then: {…, priority: …}']),
    ("routing.yaml", ROUTING.replace("then: {ignore: no rule holds}", "open: recover"),
     ['4:41 E101 "open" stands in then. Write: then: {…, open: …}']),
    ("routing.yaml", ROUTING.replace("{ignore: no rule holds}", "{ignore: no: rule}"),
     [('4:58 E100 a ": " inside a value, or no comma before "no". Put the whole value in quotes, '
       "or write the comma.")]),
    ("routing.yaml", ROUTING + "also:\n  - {id: a, when: always, add: {tags: [t]}}\n"
     "tests:\n  - {given: {response.score: 2}, expect: {rule: a, also: [everything-else]}}\n",
     ['8:49 E119 there is no rule "a" in the rules. It is the id of an also entry. Write: also: [a]',
      ('8:59 E119 there is no also entry "everything-else" in also. It is the id of a rule. '
       "Write: rule: everything-else")]),
    ("surveys.yaml", "format: 1\nsurveys:\n  a: {metric: npss}\n",
     ['3:15 E103 "npss" has no scale. Did you mean "nps"?']),
    ("theme.yaml", "format: 1\n",
     ["1:1 W203 nothing reads this file. Rename it to themes.yaml, if that is what it is."]),
    ("directory.yaml", DIRECTORY.replace("default_owner", "default-owner"),
     [('2:1 E101 unknown key "default-owner". directory.yaml may have: format, default_owner, default_calendar, '
      'calendars, units, teams, people, people_from. Did you mean "default_owner"?')]),
]  # fmt: skip


def test_a_set_with_a_mistake_is_never_handed_out() -> None:
    loading = loaded({"routing.yaml": ROUTING + "maintained_by:\n"})
    assert (loading.rule_set, told(loading.findings)) == (
        None,
        ["5:15 E107 maintained_by has no value. Give it one, or delete the key."],
    )


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


def test_a_broken_lexicon_does_not_make_the_rules_that_use_it_look_broken() -> None:
    themes = "format: 1\nthemes:\n  billing: {word: {en: [bill]}}\n"
    rules = with_rules("  - {id: r, when: {response.themes: refund}, then: {open: recover}}")
    assert [finding.file for finding in loaded({**rules, "themes.yaml": themes}).findings] == ["rules/themes.yaml"]


def test_an_empty_directory_does_not_make_others_look_broken() -> None:
    findings = loaded({"directory.yaml": "", "playbooks.yaml": PLAYBOOKS.replace("agent", "'person:x'")}).findings
    assert told(findings) == ['1:1 E107 directory.yaml needs default_owner. Add: default_owner: "person:ID"']


def test_an_id_in_capitals_and_a_misspelt_section_are_one_mistake_each() -> None:
    rules = with_rules("  - {id: r, when: {response.score: 1}, then: {open: recover, owner: 'team:desk'}}")
    playbooks = PLAYBOOKS.replace("recover:", "Recover:")
    directory = DIRECTORY + "team: {desk: {}}\n"
    findings = loaded({**rules, "playbooks.yaml": playbooks, "directory.yaml": directory}).findings
    assert [(finding.file, finding.code) for finding in findings] == [
        ("rules/directory.yaml", "E101"),
        ("rules/playbooks.yaml", "E114"),
    ]
