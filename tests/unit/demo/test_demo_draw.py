from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from worker.demo.sandbox.draw import Mrkdwn, mail_page, plain, preview

NOW = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
NOON = int(datetime(2026, 11, 23, 12, 0, tzinfo=UTC).timestamp())
TODAY = int(datetime(2026, 11, 20, 18, 30, tzinfo=UTC).timestamp())


@pytest.fixture
def draw() -> Mrkdwn:
    return Mrkdwn({"U01": "Ana"}.__getitem__, ZoneInfo("Europe/London"), lambda: NOW)


@pytest.mark.parametrize(
    ("written", "drawn"),
    [
        ("*Reply by:* now", "<b>Reply by:</b> now"),
        ("2*3*4 is 24", "2*3*4 is 24"),  # a mark inside a word is no mark
        ("_so_ and ~so~ and `so`", "<i>so</i> and <s>so</s> and <code>so</code>"),
        ("a &amp; b &lt; c", "a &amp; b &lt; c"),
        ("one\ntwo", "one<br>two"),
        ("<@U01> has it", "<b>@Ana</b> has it"),
        ("<https://example.com/?a=1&amp;b=2|Open>", '<a href="https://example.com/?a=1&amp;b=2">Open</a>'),
        ("<!channel> look", "<b>@channel</b> look"),
        ('"quoted" <b>', '&#34;quoted&#34; <a href="b">b</a>'),
    ],
)  # fmt: skip
def test_slack_markup_is_drawn_as_slack_draws_it(draw: Mrkdwn, written: str, drawn: str) -> None:
    assert draw(written) == drawn


def test_dates_are_told_in_the_readers_zone_and_near_days_by_word(draw: Mrkdwn) -> None:
    assert "Nov 23, 2026, 12:00" in draw(f"<!date^{NOON}^{{date_short_pretty}}, {{time}}|Mon>")
    assert "Today, 18:30" in draw(f"<!date^{TODAY}^{{date_short_pretty}}, {{time}}|Fri>")


def test_foreign_html_never_becomes_markup(draw: Mrkdwn) -> None:
    assert "<script>" not in draw("&lt;script&gt;alert(1)&lt;/script&gt;")


def test_dark_rules_of_a_mail_follow_the_tab_and_not_the_browser() -> None:
    mail = '<head><meta name="color-scheme" content="light dark"></head><style>@media (prefers-color-scheme: dark){}'
    assert "(min-width: 0px)" in mail_page(mail, "dark")
    assert "(max-width: 0px)" in mail_page(mail, "light")
    assert 'content="light"' in mail_page(mail, "light")


def test_links_of_a_mail_open_outside_its_frame() -> None:
    assert '<base target="_blank">' in mail_page("<p>no head</p>", "light")


def test_a_lock_screen_shows_the_first_words_of_a_mail() -> None:
    mail = "<head><title>T</title><style>p{}</style></head><div>Not yet.&#847;&zwnj;&nbsp;</div><p>Third call</p>"
    assert preview(mail) == "Not yet. Third call"
    assert len(preview("<p>" + "word " * 100)) <= 110


def test_plain_text_shows_what_was_escaped_and_no_markup() -> None:
    assert plain({"type": "plain_text", "text": "*Marsh* &amp; Sons &lt;3"}) == "*Marsh* & Sons <3"
    assert plain(None) == ""
