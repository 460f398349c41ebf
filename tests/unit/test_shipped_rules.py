"""The rule set that ships: whole, tested, and fit to start with."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from worker.classify.classifier import Classifier
from worker.model.survey import Lexicon
from worker.route.inline import run_tests
from worker.route.load import Loaded, load
from worker.route.schema import RuleSet

RULES = Path(__file__).parent.parent.parent / "rules"
LANGUAGES = {"en", "de", "fr", "es", "pt"}


@cache
def loaded() -> Loaded:
    return load({path.relative_to(RULES).as_posix(): path.read_bytes() for path in RULES.rglob("*.yaml")})


@pytest.fixture(scope="module")
def shipped() -> RuleSet:
    rule_set = loaded().rule_set
    assert rule_set is not None, loaded().findings
    return rule_set


def test_it_loads_without_a_warning() -> None:
    assert not loaded().findings


def test_its_own_tests_pass(shipped: RuleSet) -> None:
    classifier = Classifier(shipped.themes, shipped.severity, shipped.surveys)
    assert [result for result in run_tests(shipped, classifier.classify) if not result.ok] == []


def test_every_rule_that_decides_is_expected_by_a_test(shipped: RuleSet) -> None:
    deciding = {rule.id for rule in shipped.rules if not rule.observe}
    assert deciding == {test.expect["rule"] for test in shipped.tests}


def test_everything_that_is_added_is_expected_by_a_test(shipped: RuleSet) -> None:
    expected = {tag for test in shipped.tests for tag in test.expect.get("tags", ())}
    assert expected == {tag for entry in shipped.also if entry.add for tag in entry.add.tags}


def test_every_rule_says_in_a_sentence_what_it_is_for(shipped: RuleSet) -> None:
    assert [rule.id for rule in (*shipped.rules, *shipped.also) if not rule.name] == []


def test_every_playbook_is_opened_by_a_rule_and_tells_people_what_to_do_first(shipped: RuleSet) -> None:
    assert {rule.plan.id for rule in shipped.rules if rule.plan} == set(shipped.playbooks)
    assert all(playbook.first_step for playbook in shipped.playbooks.values())


def test_the_accused_never_owns_the_accusation(shipped: RuleSet) -> None:
    about = [rule.plan for rule in shipped.rules if rule.plan and rule.id.startswith("about-a-person")]
    assert about and all(plan.private and "agent" in plan.owner_not and "agent" not in plan.owner for plan in about)


def test_who_must_not_be_contacted_is_offered_no_try(shipped: RuleSet) -> None:
    playbook = shipped.playbooks["fix-without-contact"]
    assert playbook.tries is None
    assert "outcome" not in playbook.to_close  # there is none to reach


def test_every_label_has_words_in_five_languages(shipped: RuleSet) -> None:
    thin = {lexicon.label: lang for lexicon in labels(shipped) for lang in LANGUAGES if len(words(lexicon, lang)) < 15}
    assert not thin


def test_no_word_is_written_twice(shipped: RuleSet) -> None:
    twice = [
        (lexicon.label, word)
        for lexicon in labels(shipped)
        for lang in LANGUAGES
        for word in set(words(lexicon, lang))
        if words(lexicon, lang).count(word) > 1
    ]
    assert twice == []


def test_an_exception_holds_a_word_to_except(shipped: RuleSet) -> None:
    idle = [
        (lexicon.label, phrase)
        for lexicon in labels(shipped)
        for lang, phrases in lexicon.exclusions.items()
        for phrase in phrases
        if not any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", phrase) for word in words(lexicon, lang))
    ]
    assert idle == []


def test_every_root_cause_of_the_last_resort_needs_a_note(shipped: RuleSet) -> None:
    assert all(cause.needs_note for cause in shipped.root_causes.values() if cause.id.split(".")[0] == "other")


def test_nobody_in_the_directory_has_a_real_address(shipped: RuleSet) -> None:
    people = shipped.directory.people.values()
    queues = [team.queue["email"] for team in shipped.directory.teams.values()]
    assert all(address.endswith(".example") for address in [*(p.email for p in people if p.email), *queues])


def labels(rule_set: RuleSet) -> tuple[Lexicon, ...]:
    return (*rule_set.themes, *rule_set.severity)


def words(lexicon: Lexicon, language: str) -> tuple[str, ...]:
    return lexicon.words.get(language, ())
