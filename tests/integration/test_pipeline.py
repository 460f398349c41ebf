from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, text

from tests.support.clock import MovableClock
from tests.support.flow import RULES, Flow, live_set
from worker import metrics
from worker.store.engine import Store


@pytest.fixture
def flow(fresh_store: Store, clock: MovableClock) -> Flow:
    return Flow(fresh_store, clock)


COUNTS = ("accepted", "updated", "duplicate", "stale", "not_response", "dead", "absent", "again")


def test_one_detractor_becomes_one_follow_up_with_decision_timer_history_and_notice(flow: Flow) -> None:
    flow.feed(flow.event(comment="Third call about the same invoice."))
    assert flow.rows("follow_ups", "owner", "rule", "state", "version") == [("ana", "any-detractor", "open", 1)]
    assert flow.rows("decisions", "rule", "outcome", "owner") == [("any-detractor", "open", "ana")]
    assert flow.rows("history", "what", "by") == [("opened", "rules")]
    assert flow.rows("notices", "kind", "recipient", "state") == [("alert", "ana", "pending")]
    assert len(flow.rows("timers", "step")) == 1
    assert flow.woken == 1


def test_every_record_of_a_batch_is_accounted_for(flow: Flow) -> None:
    flow.feed(flow.event(), flow.event(), None, b"{broken", flow.event("r-2", score=11), flow.event("r-3", score=10))
    [counts] = flow.rows("ledger", "from_offset", "to_offset", *COUNTS)
    assert counts == (0, 6, 2, 0, 1, 0, 1, 2, 0, 0)
    assert flow.rows("dead_letters", "offset", "reason") == [(3, "not_json"), (4, "score_out_of_scale")]


def test_reading_a_batch_again_changes_nothing(flow: Flow) -> None:
    batch = flow.feed(flow.event(), b"{broken")
    before = [flow.rows(table, "id") for table in ("responses", "follow_ups", "notices", "dead_letters")]
    flow.pipeline.process(batch)
    assert [flow.rows(table, "id") for table in ("responses", "follow_ups", "notices", "dead_letters")] == before
    assert flow.rows("ledger", "accepted", "dead", "again") == [(1, 1, 2)]


def test_a_batch_that_straddles_the_head_is_split(flow: Flow) -> None:
    flow.feed(flow.event("r-1"))
    flow.pipeline.process(flow.records(flow.event("r-1"), flow.event("r-2"), at=0))
    assert flow.rows("ledger", "from_offset", "to_offset", "accepted", "again") == [(0, 2, 2, 1)]


def test_a_partial_answer_waits_for_its_comment_and_is_decided_once(flow: Flow) -> None:
    flow.feed(flow.event(score=5, status="partial"))
    assert not flow.rows("follow_ups", "id")
    flow.feed(flow.event(score=5, comment="Nobody called back.", status="final"))
    assert flow.rows("responses", "status", "version") == [("decided", 2)]
    assert flow.rows("follow_ups", "state") == [("open",)]
    assert flow.rows("ledger", "accepted", "updated") == [(1, 1)]


def test_a_partial_answer_whose_other_half_never_comes_is_decided_when_its_window_ends(
    flow: Flow, clock: MovableClock
) -> None:
    flow.feed(flow.event(score=5, status="partial"))
    clock.advance(timedelta(minutes=9))
    assert flow.pipeline.settle() == 0
    clock.advance(timedelta(minutes=1))
    assert flow.pipeline.settle() == 1
    assert flow.rows("follow_ups", "state") == [("open",)]
    assert flow.pipeline.settle() == 0


def test_a_critical_partial_answer_does_not_wait(flow: Flow) -> None:
    flow.feed(flow.event(score=0, status="partial"))
    assert flow.rows("follow_ups", "state") == [("open",)]


def test_the_comment_that_follows_a_critical_score_updates_the_same_follow_up(flow: Flow) -> None:
    flow.feed(flow.event(score=0, status="partial"))
    flow.feed(flow.event(score=0, comment="Third call."))
    assert flow.rows("follow_ups", "state", "version") == [("open", 2)]
    assert [row[0] for row in flow.rows("notices", "kind")] == ["alert", "update"]


def test_a_correction_to_a_good_score_cancels_the_follow_up_nobody_has_seen(flow: Flow) -> None:
    flow.feed(flow.event(score=1))
    flow.feed(flow.event(score=9, updated_at=flow.now().isoformat()))
    assert flow.rows("follow_ups", "state") == [("cancelled",)]
    assert flow.rows("timers", "state") == [("void",)]


def test_an_older_version_that_comes_late_is_stale(flow: Flow) -> None:
    flow.feed(flow.event(score=9, updated_at=flow.now().isoformat()))
    flow.feed(flow.event(score=1))
    assert flow.rows("ledger", "accepted", "stale") == [(1, 1)]
    assert not flow.rows("follow_ups", "id")


def test_a_version_with_another_customer_is_a_dead_letter(flow: Flow) -> None:
    flow.feed(flow.event())
    flow.feed(flow.event(score=3, customer={"id": "c-78"}))
    [(reason, message)] = flow.rows("dead_letters", "reason", "message")
    assert reason == "identity_conflict"
    assert "another customer" in message


def test_a_second_bad_answer_joins_the_follow_up_and_the_facts_say_why(flow: Flow) -> None:
    flow.feed(flow.event("r-1"))
    flow.feed(flow.event("r-2", minutes_ago=1))
    assert flow.rows("decisions", "rule") == [("any-detractor",), ("repeat",)]
    assert flow.rows("follow_ups", "priority", "version") == [(3, 2)]
    assert flow.rows("follow_up_responses", "how") == [("opened",), ("added",)]


def test_history_sees_the_answers_of_the_same_batch(flow: Flow) -> None:
    flow.feed(flow.event("r-2", minutes_ago=1), flow.event("r-1", minutes_ago=9))
    assert sorted(row[0] for row in flow.rows("decisions", "rule")) == ["any-detractor", "repeat"]


def test_a_response_too_old_to_alert_is_decided_and_listed_but_opens_nothing(flow: Flow) -> None:
    flow.feed(flow.event(minutes_ago=8 * 24 * 60))
    assert flow.rows("decisions", "rule", "too_old") == [("any-detractor", True)]
    assert not flow.rows("follow_ups", "id")
    assert flow.rows("notices", "kind", "recipient") == [("late_answers", "bo")]


def test_a_number_left_in_the_comment_is_contact_data_and_no_text(flow: Flow) -> None:
    flow.feed(flow.event(comment="Call me on +49 30 901820, card 4111 1111 1111 1111"))
    [(content,)] = flow.rows("versions", "content")
    assert "[phone]" in content["comment"]
    assert "[card]" in content["comment"]
    [(contact,)] = flow.rows("responses", "contact")
    assert contact["phones_in_comment"]


def refuse_r_2(flow: Flow) -> None:
    with flow.store.write() as conn:
        if flow.store.dialect == "sqlite":
            conn.execute(text(
                "CREATE TRIGGER refuse BEFORE INSERT ON responses WHEN NEW.external_id = 'r-2' "
                "BEGIN SELECT RAISE(ABORT, 'refused here'); END"
            ))  # fmt: skip
        else:
            conn.execute(text("ALTER TABLE responses ADD CHECK (external_id <> 'r-2')"))


def test_a_row_that_the_store_refuses_is_a_dead_letter_and_the_rest_goes_through(flow: Flow) -> None:
    refuse_r_2(flow)
    flow.feed(flow.event("r-1"), flow.event("r-2"), flow.event("r-3"))
    assert [row[0] for row in flow.rows("responses", "external_id")] == ["r-1", "r-3"]
    assert flow.rows("dead_letters", "offset", "reason") == [(1, "store_refused")]
    assert flow.rows("ledger", "from_offset", "to_offset", "accepted", "dead") == [(0, 3, 2, 1)]


def test_a_refused_row_among_many_is_found_in_few_transactions(flow: Flow) -> None:
    refuse_r_2(flow)
    batch = flow.records(*[flow.event(f"r-{n}", score=9) for n in range(200)])
    begun: list[object] = []
    event.listen(flow.store.engine, "begin", begun.append)
    flow.pipeline.process(batch)
    assert len(begun) < 25
    assert flow.rows("dead_letters", "offset", "reason") == [(2, "store_refused")]
    assert flow.rows("ledger", "from_offset", "to_offset", "accepted", "dead") == [(0, 200, 199, 1)]


def test_a_dead_letter_is_replayed_once_the_rules_understand_it(flow: Flow) -> None:
    batch = flow.feed(flow.event(metric="stimmung"))
    [(id_,)] = flow.rows("dead_letters", "id")
    record = batch.slices[0].records[0]
    assert flow.pipeline.replay(record, id_) == "dead"
    mended = flow.event()
    again = flow.records(mended, at=0).slices[0].records[0]
    assert flow.pipeline.replay(again, id_) == "accepted"
    assert flow.rows("dead_letters", "state") == [("replayed",)]
    assert flow.rows("follow_ups", "state") == [("open",)]


def test_a_value_that_does_not_fit_its_field_is_unknown_and_counted(fresh_store: Store, clock: MovableClock) -> None:
    fields = "format: 1\nfields:\n  customer.tier: {type: enum, values: [gold]}\n"
    flow = Flow(fresh_store, clock, live_set({**RULES, "fields.yaml": fields}))
    before = _ignored("customer.tier")
    flow.feed(flow.event(customer={"id": "c-1", "tier": "gold"}), flow.event("r-2", customer={"tier": "platinium"}))
    assert _ignored("customer.tier") == before + 1


def _ignored(field: str) -> float:
    return metrics.REGISTRY.get_sample_value("innerloop_ignored_values_total", {"field": field}) or 0
