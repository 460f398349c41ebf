import logging, time, pytest
from tests.support.reading import *
from tests.support.recording_sink import RecordingSink
from tests.support.waiting import until
def numbers(first, beyond): return [b"%06d" % n for n in range(first, beyond)]
@pytest.mark.parametrize("i", range(25))
def test_a(real_kafka, tmp_path, i):
    h=logging.FileHandler("/tmp/rec.log", mode="w"); h.setFormatter(logging.Formatter("%(asctime)s %(threadName)s %(name)s %(message)s"))
    l=logging.getLogger("kafka"); l.setLevel(logging.DEBUG); l.addHandler(h)
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
                print(new, sink.query("select * from heads"), sink.query("select * from rows")); raise
    finally:
        l.removeHandler(h); h.close(); l.setLevel(0)
