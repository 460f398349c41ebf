"""Templates: sandboxed Jinja2, one file per notice and part, plain enough for ops people to edit.

`templates/alert/email.html.j2` is the HTML of an alert's mail, `email.txt.j2` its text, `slack.j2` its Slack blocks.
What several share stands under `_shared/`. An unknown variable is an error, found when the set is loaded: every
template is rendered with sample messages first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import DictLoader, StrictUndefined, Template, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import structs

from worker.model.notice import PARTS, Kind, parts_of
from worker.notify import builtin, plaintext, slackmarkup
from worker.notify.view import PARTS_OF_A_VIEW, View
from worker.route.findings import Finding, Level

SUFFIX = ".j2"
_MOST_BYTES = 90_000  # Gmail clips a mail at 102 KB


@dataclass(frozen=True, slots=True)
class Broken:
    """A template that could not be rendered: which one, and the problem in a sentence."""

    template: str
    problem: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """The parts of one message. `broken` names templates in whose place the built-in text stands."""

    parts: Mapping[str, str]
    broken: tuple[Broken, ...] = ()


class RenderError(Exception):
    """A template cannot be rendered. `line` counts from 1, 0 where it is not known."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


class Templates:
    """The templates of one rule set. `files` maps paths below templates/ to their bytes."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._bytes = dict(files)
        sources = {name: _decoded(content) for name, content in files.items() if name.endswith(SUFFIX)}
        self._names = frozenset(sources)
        self._environments = {part: _environment(part, sources) for part in PARTS}

    def render(self, view: View, parts: Iterable[str]) -> Rendered:
        """Every part of a message. What cannot be rendered is the built-in text, and is named.

        A customer's without a template is named, too: nobody sends them what was never written for them.
        """
        found, broken = {}, []
        for part in parts:
            name = f"{view.kind.value}/{part}{SUFFIX}"
            if name in self._names:
                try:
                    found[part] = self._one(name, part, view)
                    continue
                except RenderError as error:
                    broken.append(Broken(name, error.problem))
            elif view.kind is Kind.CUSTOMER:
                broken.append(Broken(name, "it is missing"))
            found[part] = builtin.part(view, part)
        return Rendered(found, tuple(broken))

    def check(self, views: Iterable[View], root: str = "templates", *, customers: bool = False) -> tuple[Finding, ...]:
        """Render every template with every view of its kind; what fails, and what is missing below `root`.

        `customers`: a playbook tells customers, so what is written to them must be there.
        """
        shown = list(views)
        found = {}
        for kind in Kind:
            for part in parts_of(kind):
                name = f"{kind.value}/{part}{SUFFIX}"
                if kind is Kind.CUSTOMER and name not in self._names:
                    finding = _unwritten(name) if customers else None
                else:
                    finding = self._check(name, part, [view for view in shown if view.kind is kind])
                if finding:
                    found[name] = structs.replace(finding, file=f"{root}/{name}")
        return tuple(found.values())

    def _check(self, name: str, part: str, views: list[View]) -> Finding | None:
        if name not in self._names:
            return _finding("W301", Level.WARNING, name, 0, "is missing: the built-in plain text is sent instead.")
        try:
            self._get(name, part)
            for view in views:
                self._one(name, part, view)
        except RenderError as error:
            fix = "innerloop templates preview shows the result."
            return _finding("E301", Level.ERROR, name, error.line, f"cannot be rendered: {error.problem}.", fix)
        return None

    def _get(self, name: str, part: str) -> Template:
        try:
            return self._environments[part].get_template(name)
        except TemplateSyntaxError as error:
            raise RenderError(f"{error.message} (in {error.name or name})", error.lineno) from None
        except TemplateNotFound as error:
            raise RenderError(f"there is no {error.name}", 0) from None

    def _one(self, name: str, part: str, view: View) -> str:
        template = self._get(name, part)
        try:
            text = template.render(view.variables())
            return _finished(text, part)
        except TemplateError as error:
            raise RenderError(error.message or type(error).__name__, _line(error, name)) from None
        except slackmarkup.BlockError as error:
            raise RenderError(str(error), 0) from None
        # A template is somebody else's program: whatever it raises must not stop the message.
        except Exception as error:  # noqa: BLE001 - whatever a template does, the built-in text still goes out
            raise RenderError(f"{type(error).__name__}: {error}", _line(error, name)) from None


def _finished(text: str, part: str) -> str:
    if part == "slack":
        return slackmarkup.collect(text)
    if part == "email.txt":
        return text.strip() + "\n"
    if len(text.encode()) > _MOST_BYTES:
        raise RenderError(f"the mail has {len(text.encode()):,} bytes; mail programs clip beyond {_MOST_BYTES:,}", 0)
    return text


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox. A mail asks it some eighty times; the view's own parts are frozen and need a short answer."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if type(obj) in PARTS_OF_A_VIEW:
            return not attr.startswith("_")
        return super().is_safe_attribute(obj, attr, value)


def _environment(part: str, sources: Mapping[str, str]) -> _Sandbox:
    environment = _Sandbox(
        loader=DictLoader(dict(sources)),
        undefined=StrictUndefined,
        autoescape=part == "email.html",
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=slackmarkup.finalize if part == "slack" else None,
        auto_reload=False,
    )
    if part == "slack":
        environment.globals.update(slackmarkup.BLOCKS)
    if part == "email.txt":
        environment.filters.update(plaintext.FILTERS)
        environment.globals["row"] = plaintext.row
    return environment


def _decoded(content: bytes) -> str:
    return content.decode("utf-8-sig", "replace").replace("\r\n", "\n")


def _line(error: BaseException, name: str) -> int:
    """The deepest line of the template itself in the traceback, which Jinja rewrites to template lines."""
    line, trace = getattr(error, "lineno", None) or 0, error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename in {"<template>", name}:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _unwritten(name: str) -> Finding:
    fix = "Copy it from the shipped templates/customer, or take tell_customer out."
    return _finding("E301", Level.ERROR, name, 0, "is missing, and a playbook tells customers.", fix)


def _finding(code: str, level: Level, name: str, line: int, message: str, fix: str = "") -> Finding:
    return Finding(
        code=code, level=level, file=name, line=max(line, 1), column=1, message=f"template {message}", fix=fix
    )
