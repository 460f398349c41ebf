"""Every metric, one line each. Names follow the Prometheus conventions: unit last, `_total` for counters."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

REGISTRY = CollectorRegistry()
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"innerloop_{name}", text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"innerloop_{name}", text, labels, registry=REGISTRY)


def _histogram(name: str, text: str, *labels: str) -> Histogram:
    return Histogram(f"innerloop_{name}", text, labels, registry=REGISTRY, buckets=_SECONDS)


BUILD = Info("innerloop_build", "Version of the running program.", registry=REGISTRY)
READY = _gauge("ready", "1 while everything this process needs answers, as /readyz says.")

# reading
RECORDS = _counter("records_total", "Records read, by what became of them.", "outcome")
DEAD_LETTERS = _counter("dead_letters_total", "Records that could not be understood.", "reason")
CLASHES = _counter("store_clashes_total", "Transactions run again because another worker was faster.")
UNKNOWN_KEYS = _counter("unknown_keys_total", "Keys of events that innerloop does not know.", "source")
IGNORED_VALUES = _counter("ignored_values_total", "Values that do not fit their field, read as unknown.", "field")
RESPONSES = _counter("responses_total", "Responses accepted, by class.", "class")
BATCH_SECONDS = _histogram("batch_seconds", "Time for one batch, from poll to commit.")
KAFKA_REACHABLE = _gauge("kafka_reachable", "1 while brokers answer.")
LAG = _gauge("kafka_lag", "Records not read yet.", "topic", "partition")
BEHIND_OPEN_TRANSACTION = _gauge("kafka_behind_open_transaction", "Records not committed yet.", "topic", "partition")
OLDEST_UNREAD_SECONDS = _gauge("kafka_oldest_unread_seconds", "How old the oldest record that waits may be.")
RECORDS_LOST = _counter("records_lost_total", "Records that nobody can read any more.", "cause")
UNREADABLE = _counter("kafka_unreadable_total", "Looks at a batch that cannot be decoded.", "topic")
TOPIC_RECREATED = _counter("kafka_topic_recreated_total", "Partitions whose topic was deleted and made again.", "topic")
POLL_ERRORS = _counter("kafka_poll_errors_total", "Polls that failed, by error.", "error")
COMMIT_FAILURES = _counter("kafka_commit_failures_total", "Offsets that could not be committed to Kafka.")

# deciding and opening
DECISIONS = _counter("decisions_total", "Decisions, by rule.", "rule")
FOLLOW_UPS = _counter("follow_ups_total", "Follow-ups, by what happened.", "how", "playbook")
RULE_SET = _gauge("rule_set_info", "1 for the revision in use.", "revision")
RULE_SET_REFUSED = _gauge("rule_set_refused", "1 while the newest rule set is refused.")
FORGOTTEN = _counter("follow_ups_forgotten_total", "Live follow-ups that had no next step, and were given one.")
PRUNED = _counter("pruned_total", "Rows blanked because of their age, by kind.", "kind")
HEARTBEATS = _counter("heartbeats_total", "Signs of life to the watcher outside, by what became of them.", "outcome")
STEPS = _counter("follow_up_steps_total", "Steps that fell due, by what was told.", "kind")

# telling
ATTEMPTS = _counter("delivery_attempts_total", "Calls to providers, by outcome.", "channel", "outcome")
NOTICES = _counter("notices_total", "Notices that ended, by state.", "kind", "state")
SEND_SECONDS = _histogram("send_seconds", "Time of one provider call.", "channel")
OLDEST_NOTICE = _gauge("oldest_undelivered_notice_seconds", "Age of the oldest notice that is due and not delivered.")
OLDEST_EVENT = _gauge("oldest_unpublished_event_seconds", "Age of the oldest event that waits for its Kafka topic.")
CHANNEL_OPEN = _gauge("channel_circuit_open", "1 while a channel is held back.", "channel")
