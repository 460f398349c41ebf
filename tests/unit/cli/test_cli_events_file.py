"""Files of events as people hand them over: one event, or one a line."""

from __future__ import annotations

import pytest

from worker.cli.events_file import events, unwrapped


@pytest.mark.parametrize(
    ("content", "count"),
    [
        (b'{"id": 1}', 1),
        (b'{\n  "id": 1\n}\n', 1),  # over several lines
        (b'\xef\xbb\xbf{"id": 1}\n{"id": 2}\n', 2),  # with a byte order mark
        (b'{"id": 1}\r\n\r\n{"id": 2}\r\n', 2),  # from Windows, with a blank line
        (b'{"id": 1}\nnot json\n', 2),
        (b'{\n  "id": 1,\n}\n', 1),  # one event that is not well formed
        (b'{"text": "a\xe2\x80\xa8b"}\n{"id": 2}', 2),  # a line separator inside a text ends no line
        (b"", 1),
    ],
)
def test_a_file_is_one_event_or_one_a_line(content: bytes, count: int) -> None:
    assert len(events(content)) == count


def test_an_event_stays_as_it_is_byte_for_byte() -> None:
    assert unwrapped(b'{"id": 1, "score": 7.0}').value == b'{"id": 1, "score": 7.0}'


def test_facts_come_beside_the_event() -> None:
    given = unwrapped(b'{"event": {"id": 1, "score": 7.0}, "facts": {"history.detractors_90d": 2}}')

    assert given.value == b'{"id": 1, "score": 7.0}'
    assert given.facts == {"history.detractors_90d": 2}


def test_an_event_with_a_field_called_event_is_not_unwrapped() -> None:
    assert unwrapped(b'{"event": {"id": 1}, "kind": "x"}').value == b'{"event": {"id": 1}, "kind": "x"}'
