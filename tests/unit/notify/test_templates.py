"""The shipped templates, and what happens to broken ones."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.support.shared import ROOT
from worker.model.notice import PARTS, Kind
from worker.model.playbook import Say
from worker.notify import plaintext, samples
from worker.notify.render import Templates
from worker.notify.slackmarkup import BlockError, collect, cut_escaped, escape
from worker.notify.view import View

FILES = {p.relative_to(ROOT / "templates").as_posix(): p.read_bytes() for p in (ROOT / "templates").glob("*/*.j2")}
SHIPPED = Templates(FILES)
VIEWS = list(samples.views())


def test_every_shipped_template_renders_every_sample() -> None:
    assert SHIPPED.check(VIEWS) == ()


def test_a_misspelt_variable_is_found_with_its_line() -> None:
    broken = Templates({**FILES, "alert/slack.j2": b"{% call section() %}ok{% endcall %}\n{{ custmer }}\n"})
    (finding,) = broken.check(VIEWS)
    assert (finding.code, finding.file, finding.line) == ("E301", "templates/alert/slack.j2", 2)
    assert "custmer" in finding.message


def test_a_syntax_error_is_found_with_its_line() -> None:
    (finding,) = Templates({**FILES, "ops/email.txt.j2": b"one\n{% if %}\n"}).check(VIEWS)
    assert (finding.file, finding.line) == ("templates/ops/email.txt.j2", 2)


def test_a_missing_template_is_a_warning_and_the_built_in_text_is_sent() -> None:
    without = Templates({name: data for name, data in FILES.items() if name != "kudos/slack.j2"})
    (finding,) = without.check(VIEWS)
    assert finding.code == "W301"
    rendered = without.render(samples.view(Kind.KUDOS), ("slack",))
    assert rendered.broken == ()
    assert "stayed on the line" in rendered.parts["slack"]


def test_customers_get_no_built_in_text_and_a_set_that_tells_them_needs_their_templates() -> None:
    old = {name: data for name, data in FILES.items() if not name.startswith("customer/")}
    assert Templates(old).check(VIEWS) == ()
    assert [finding.code for finding in Templates(old).check(VIEWS, customers=True)] == ["E301", "E301"]
    rendered = Templates(old).render(samples.to_customer(Say.THANKS), ("email.txt",))
    assert [one.problem for one in rendered.broken] == ["it is missing"]


@pytest.mark.parametrize("evil", ["''.__class__.__mro__", "score.__class__.__mro__", "words.__init__.__globals__"])
def test_a_template_cannot_reach_out_of_its_sandbox(evil: str) -> None:
    template = f"{{% call section() %}}{{{{ {evil} }}}}{{% endcall %}}".encode()
    rendered = Templates({**FILES, "alert/slack.j2": template}).render(samples.view(Kind.ALERT), ("slack",))
    assert rendered.broken[0].template == "alert/slack.j2"
    assert "object" not in rendered.parts["slack"]


@pytest.mark.parametrize("part", PARTS)
def test_the_built_in_text_holds_what_one_needs_to_act(part: str) -> None:
    text = Templates({}).render(samples.view(Kind.ALERT), (part,)).parts[part]
    for fact in ("Third call about the same", "Mon 23 Nov, 12:00 CET", "Ines Ferrer", "F-42"):
        assert fact in " ".join(text.split())


def test_text_parts_stay_within_72_columns_of_ascii() -> None:
    for view in VIEWS:
        text = SHIPPED.render(view, ("email.txt",)).parts["email.txt"]
        long = [line for line in text.splitlines() if len(line) > 72 and " " in line.strip()]
        assert long == []
    assert SHIPPED.render(samples.view(Kind.ALERT), ("email.txt",)).parts["email.txt"].isascii()


@pytest.mark.parametrize("lay_out", [plaintext.wrap, plaintext.quoted, lambda text: plaintext.row("About", text, 4)])
def test_a_word_longer_than_a_line_is_broken_and_an_address_is_not(lay_out: Callable[[str], str]) -> None:
    address = "https://example.com/" + "a" * 80
    lines = lay_out(f"{'z' * 200} see {address} {'х' * 90} thanks").splitlines()
    assert [line.strip() for line in lines if len(line) > 72] == [address]
    assert "".join(lines).count("z") == 200


def test_html_parts_hold_no_script_no_image_and_no_outside_address() -> None:
    for view in VIEWS:
        html = SHIPPED.render(view, ("email.html",)).parts["email.html"]
        assert len(html.encode()) <= 90_000
        assert not re.search(r"<(script|img|link|iframe|form)\b", html)
        assert not re.search(r"""(src|href)=["']https?:""", html)
        assert "url(" not in html


class _Tree(HTMLParser):
    VOID = ("meta", "br", "img", "hr", "input", "link")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "table" and dict(attrs).get("role") != "presentation":
            self.wrong.append("a table that is read as one")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.CUSTOMER])
def test_html_is_well_formed_and_its_tables_are_layout(kind: Kind) -> None:
    tree = _Tree()
    tree.feed(SHIPPED.render(samples.view(kind), ("email.html",)).parts["email.html"])
    assert (tree.wrong, tree.open) == ([], [])


def test_a_screen_reader_hears_the_words_before_the_facts() -> None:
    html = SHIPPED.render(samples.view(Kind.ALERT), ("email.html",)).parts["email.html"]
    body = html[html.index("</div>") : html.index("</body>")]
    wanted = ["Follow-up F-42", "2 of 10", "Third call", "Ines Ferrer", "Reply by", "First step.", "May be called",
              "Was in touch", "About", "Before", "Other open", "Why you got this", "What happens next",
              "This message is for"]  # fmt: skip
    place = body.index('aria-label="') + 100
    for text in wanted:
        place = body.index(text, place)


def blocks(view: View) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(SHIPPED.render(view, ("slack",)).parts["slack"])
    return found


def test_slack_blocks_come_in_their_order() -> None:
    found = blocks(samples.view(Kind.ALERT, by_mail=False))
    assert [block["type"] for block in found] == ["header", "section", "section", "section", "section", "context"]
    assert found[1]["text"]["type"] == "plain_text"
    assert found[2]["text"]["text"].startswith("*Reply by:* <!date^")
    assert [field["text"].split("\n")[0] for field in found[3]["fields"]] == [
        "*Customer*", "*Was in touch*", "*About*", "*Before*",
    ]  # fmt: skip


def test_no_message_holds_a_button_yet() -> None:
    assert all(block["type"] != "actions" for view in VIEWS for block in blocks(view))


def test_foreign_text_is_escaped_in_every_block() -> None:
    hostile = samples.view(Kind.ALERT, list(samples.hard())[2], by_mail=False)
    text = json.dumps(blocks(hostile))
    assert "<!channel>" not in text
    assert "&lt;!channel&gt;" in text


def test_text_outside_of_a_block_is_named() -> None:
    with pytest.raises(BlockError, match="text outside of a block"):
        collect("hello\n")


@pytest.mark.parametrize("most", range(5, 40))
def test_a_cut_never_leaves_half_an_entity_or_token(most: int) -> None:
    text = cut_escaped(escape("a & b < c > d") + " <!date^1^{time}|x>", most)
    assert len(text) <= most
    assert not re.search(r"&(?!amp;|lt;|gt;)", text)
    assert text.count("<") == text.count(">")
