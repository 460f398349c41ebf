import logging, time, pytest
from tests.support.reading import *
from tests.support.recording_sink import RecordingSink
from tests.support.waiting import until
def numbers(first, beyond): return [b"%06d" % n for n in range(first, beyond)]
@pytest.mark.parametrize("i", range(70))
def test_a(real_kafka, tmp_path, i):
    h=logging.FileHandler("/tmp/rec.log", mode="w"); h.setFormatter(logging.Formatter("%(asctime)s %(threadName)s %(name)s %(message)s"))
    l=logging.getLogger("kafka"); l.setLevel(logging.DEBUG); l.addHandler(h)
    from worker.ingest import client
    real=client._attempt; made=[]
    def attempt(o):
        c=real(o); made.append(c); return c
    client._attempt=attempt
    try:
        sink=RecordingSink(tmp_path/"x")
        topic = real_kafka.create_topic()
        real_kafka.produce(topic, *numbers(0, 20))
        with ReaderThread(real_kafka, sink, topic, group=topic):
            until(lambda: sink.head(topic) == 20)
            real_kafka.delete_topic(topic)
            real_kafka.create_topic(topic)
            real_kafka.produce(topic, *numbers(100, 160))  # longer than what was read
            new = real_kafka.topic_id(topic)
            sql = "SELECT value FROM records WHERE topic = ? AND incarnation = ? ORDER BY offset"
            try: until(lambda: [row[0] for row in sink.query(sql, topic, new)] == numbers(100, 160), 8)
            except AssertionError:
                c=made[0]; f=c._fetcher; print("STATE", c.assignment(), c.paused(), c._subscription.assignment[list(c.assignment())[0]].__dict__, f._next_partition_records and 1, f._next_partition_records, f._paused_partition_records, f._paused_completed_fetches, f._completed_fetches, f._nodes_with_pending_fetch_requests, f._fetch_futures, {k:(v.session_partitions, v.next_metadata.epoch) for k,v in f._session_handlers.items()}, c._client.throttle_delay(1), f._manager.connection_delay(1), f._manager.cluster.leader_for_partition(list(c.assignment())[0])); print(new, sink.query("select * from heads"), sink.query("select * from rows")); raise
    finally:
        client._attempt=real
        l.removeHandler(h); h.close(); l.setLevel(0)
