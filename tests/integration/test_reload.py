"""Changing the rules while the program runs: what is taken, what is refused, and who hears of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.clock import MovableClock
from tests.support.flow import RULES
from tests.support.smtp_server import SmtpServer
from tests.support.telling import Telling, live_set
from worker.errors import RuleSetRefused
from worker.model.notice import Kind
from worker.notify.deliver import Deliverer
from worker.ruleset import RuleSets, compose, read_files
from worker.store import notices
from worker.store.engine import Store

TEMPLATES = Path("templates").resolve()
OPS = ("email:ops@example.com",)
SENDS, RELOADS = 60, 4  # holds with 1,000 and 20 as well, which takes minutes
Sets = Callable[[], RuleSets]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A directory of rules that somebody looks after."""
    directory = tmp_path / "rules"
    directory.mkdir()
    for name, text in RULES.items():
        (directory / name).write_text(text, encoding="utf-8")
    _edit(directory, "format: 1", "format: 1\nmaintained_by: cx-ops@example.com")
    return directory


@pytest.fixture
def sets(fresh_store: Store, rules: Path, clock: MovableClock) -> Sets:
    """A process's rule sets; each call is another process, or the next start of one."""

    def start() -> RuleSets:
        found = RuleSets(fresh_store, rules, TEMPLATES, clock, reachable=lambda _: True, hash_key=b"k", ops=OPS)
        found.start()
        return found

    return start


def _edit(rules: Path, old: str, new: str) -> None:
    path = rules / "routing.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_broken_directory_leaves_the_last_good_set_also_after_a_restart(sets: Sets, rules: Path) -> None:
    running = sets()
    good = running.current().revision
    _edit(rules, "when: always", "wehn: always")
    assert (running.refresh(), running.current().revision) == (False, good)
    refused = running.status()["refused"]
    assert (refused["findings"][0]["code"], refused["findings"][0]["line"]) == ("E101", 20)
    restarted = sets()
    assert restarted.current().revision == good
    assert 'unknown key "wehn"' in (restarted.problem or "")


def test_a_directory_that_is_gone_leaves_the_last_good_set_also_after_a_restart(sets: Sets, rules: Path) -> None:
    good = sets().current().revision
    shutil.rmtree(rules)
    assert sets().current().revision == good


def test_without_a_set_that_was_ever_good_it_says_why(sets: Sets, rules: Path) -> None:
    _edit(rules, "when: always", "wehn: always")
    with pytest.raises(RuleSetRefused, match=r'routing\.yaml:\d+:\d+ +E101 unknown key "wehn"'):
        sets()


def test_ops_and_who_looks_after_the_rules_hear_once_of_a_refused_set(
    fresh_store: Store, sets: Sets, rules: Path, clock: MovableClock, smtp: SmtpServer
) -> None:
    one, other = sets(), sets()
    _edit(rules, "when: always", "wehn: always")
    for _ in range(3):
        one.refresh()
        other.refresh()
    told = Telling(fresh_store, clock, one.current(), smtp.settings(), ops=OPS)
    told.run()
    told.run()
    assert sorted(mail.message["To"] for mail in smtp.messages) == ["cx-ops@example.com", "ops@example.com"]
    said = " ".join(smtp.messages[0].text.split())
    assert 'E101 unknown key "wehn"' in said
    assert f"Everything goes on with the rules from before the change (revision {one.current().revision})." in said


def test_files_that_are_only_half_copied_when_looked_at_are_no_news(
    fresh_store: Store, sets: Sets, rules: Path, clock: MovableClock
) -> None:
    running = sets()
    _edit(rules, "when: always", "wehn: always")
    running.refresh()
    _edit(rules, "wehn: always", "when: always")
    assert running.refresh()
    running.refresh()
    assert running.problem is None
    assert not Telling(fresh_store, clock, running.current()).all_notices(Kind.OPS)


@pytest.mark.parametrize(("size", "taken"), [(2 * 1024 * 1024, True), (2 * 1024 * 1024 + 1, False)])
def test_a_big_file_is_read_to_its_end_or_refused(rules: Path, size: int, taken: bool) -> None:
    last = "\n  - {id: last-word, when: {response.score: 0}, then: {open: recover}}\n"
    head = "format: 1\nrules:\n"
    (rules / "more.yaml").write_text(head + "#" * (size - len(head + last)) + last, encoding="utf-8")
    _edit(rules, "rules:", "include: [more.yaml]\nrules:")
    verdict = compose(read_files(rules, TEMPLATES), reachable=lambda _: True, hash_key=b"k", prove=False)
    found = [rule.id for rule in verdict.live.rule_set.rules] if verdict.live else []
    assert ("last-word" in found) is taken
    assert [finding.code for finding in verdict.findings] == ([] if taken else ["E117"])


def test_a_link_that_leads_out_is_refused_and_forgotten_when_it_is_gone(sets: Sets, rules: Path) -> None:
    running = sets()
    (rules / "evil.yaml").symlink_to("/etc/hostname")
    running.refresh()
    assert "a link to a place outside" in (running.problem or "")
    (rules / "evil.yaml").unlink()
    running.refresh()
    assert running.problem is None


def test_a_config_map_that_swaps_its_links_is_one_change(sets: Sets, rules: Path) -> None:
    """Kubernetes keeps ..data as a link to a directory of that version, and swaps that link alone."""
    for version in ("..v1", "..v2"):
        shutil.copytree(rules, rules.parent / version)
        shutil.move(rules.parent / version, rules / version)
    (rules / "..data").symlink_to("..v1")
    for name in RULES:
        (rules / name).unlink()
        (rules / name).symlink_to(f"..data/{name}")
    running = sets()
    before = running.current().revision
    _edit(rules / "..v2", "format: 1", "format: 1  # second")
    assert not running.refresh()
    (rules / "..data_tmp").symlink_to("..v2")
    (rules / "..data_tmp").replace(rules / "..data")
    assert running.refresh()
    assert running.current().revision != before
    assert min(running.current().files) == "rules/directory.yaml"


def test_a_checkout_that_is_swapped_as_a_whole_is_one_change(
    fresh_store: Store, rules: Path, clock: MovableClock
) -> None:
    """git-sync keeps a link to the newest checkout."""
    newer = rules.parent / "newer"
    shutil.copytree(rules, newer)
    _edit(newer, "format: 1", "format: 1  # second")
    link = rules.parent / "current"
    link.symlink_to(rules)
    running = RuleSets(fresh_store, link, TEMPLATES, clock, reachable=lambda _: True, hash_key=b"k")
    running.start()
    (rules.parent / "swap").symlink_to(newer)
    (rules.parent / "swap").replace(link)
    assert running.refresh()


def test_sends_that_wait_while_rules_are_reloaded_arrive_once_each(
    fresh_store: Store, sets: Sets, rules: Path, clock: MovableClock, smtp: SmtpServer
) -> None:
    running = sets()
    told = Telling(fresh_store, clock, live_set(), smtp.settings(), ops=OPS)
    told.follow_up()
    new = [told.new(kind=Kind.COPY, cause=f"test/{n}", channels=("email",)) for n in range(SENDS)]
    with fresh_store.write() as conn:
        added = notices.add(conn, new, clock.now())
    senders = Deliverer(fresh_store, told.channels, running.current, clock, 4)
    senders.start()
    revisions = {running.current().revision}
    for n in range(RELOADS):
        _edit(rules, "format: 1", f"format: 1 # {n}")
        assert running.refresh()
        revisions.add(running.current().revision)
    senders.run_until_idle(60)
    senders.stop(5)
    sent = [mail.delivery_id for mail in smtp.messages]
    assert (len(revisions), len(sent), len(set(sent))) == (RELOADS + 1, SENDS, SENDS)
    assert {told.notice(number).state for number in added} == {"delivered"}
