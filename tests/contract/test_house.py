"""The bars this code is held to, measured."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.shared import ROOT

WORKER = ROOT / "worker"
LONGEST_FUNCTION = 80
LONGEST_FILE = 500
MEDIAN = 7
NINETY_PERCENT = 30

# Wiring in one long, straight function on purpose.
COMPOSITION_ROOT = ("worker/app.py", "build")
# Written once by Alembic, table by table, and never changed afterwards.
MIGRATIONS = "worker/store/migrations/versions/"
# Every survey tool a shipped mapping may be for; no Python file names one. "delighted" is also a plain word.
VENDORS = re.compile(
    r"\b(asknicely|chatwoot|formbricks|freshdesk|google.forms|google.play|helpscout|intercom|medallia|"
    r"qualtrics|surveymonkey|survicate|trustpilot|typeform|zendesk|zenloop)\b",
    re.IGNORECASE,
)
PURE = ("model", "classify", "route", "calendars.py", "followup/escalate.py", "notify/retry.py")
PURE_FORBIDDEN = {
    "open", "print", "input", "exec", "eval", "read_text", "read_bytes", "write_text", "write_bytes", "now", "utcnow",
    "today", "monotonic", "sleep", "getenv",
}  # fmt: skip
# What must not be in a repository that others clone: places on somebody's machine, addresses of package registries.
FOREIGN = re.compile(
    r"/work/|/home/(?!user\b)\w+|/Users/\w+|/opt/wheels|\.\./shared/|pypi\.org/simple|files\.pythonhosted|repo1?\.maven\.|"
    r"proxy\.golang|artifactory|nexus\.|--(?:extra-)?index-url|PIP_INDEX_URL\s*="
)
BANNED_NAME_ENDINGS = ("Manager", "Helper", "Util", "Utils", "Base", "Impl")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> list[Path]:
    return sorted(path for path in WORKER.rglob("*.py") if "_shipped" not in path.parts)


def tracked() -> list[Path]:
    """Files of the repository; in an unpacked archive, all files but those that are made."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    made = {".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not made & set(path.parts)]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions() -> Iterator[tuple[str, Function]]:
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield name_of(path), node


def body_lines(function: Function) -> int:
    """Lines from the first statement after the docstring to the last."""
    body = function.body
    if (
        isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
        and isinstance(body[0].value.value, str)
    ):
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_functions_are_small() -> None:
    lengths = sorted(body_lines(function) for _, function in functions())
    assert statistics.median(lengths) <= MEDIAN
    assert lengths[int(len(lengths) * 0.9)] <= NINETY_PERCENT


def test_no_function_is_long_but_the_composition_root() -> None:
    long = [
        f"{path}:{function.lineno} {function.name}: {body_lines(function)} lines"
        for path, function in functions()
        if body_lines(function) > LONGEST_FUNCTION
        and (path, function.name) != COMPOSITION_ROOT
        and not path.startswith(MIGRATIONS)
    ]
    assert long == []


def test_no_file_is_long() -> None:
    checked = [*sources(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in checked}
    long = {name: n for name, n in lengths.items() if n > LONGEST_FILE and not name.startswith(MIGRATIONS)}
    assert long == {}


def test_imports_stand_at_the_top_outside_the_commands() -> None:
    hidden = [
        f"{path}:{node.lineno}"
        for path, function in functions()
        if not path.startswith("worker/cli/")
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []


def test_no_python_file_names_a_survey_vendor() -> None:
    named = [
        f"{name_of(path)}:{n} {line.strip()}"
        for path in sources()
        for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if VENDORS.search(line)
    ]
    assert named == []


def test_deciding_code_calls_no_clock_and_opens_no_file() -> None:
    calls = [
        f"{name_of(path)}:{node.lineno} {called}"
        for path in sources()
        if name_of(path).removeprefix("worker/").startswith(PURE)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and (called := _called(node)) in PURE_FORBIDDEN
    ]
    assert calls == []


def test_deciding_code_fetches_nothing() -> None:
    imports = [
        f"{name_of(path)}:{n}"
        for path in sources()
        if name_of(path).removeprefix("worker/").startswith(PURE)
        for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.match(r"\s*(import urllib\.(?!parse)|from urllib import|from urllib\.(?!parse\b))", line)
    ]
    assert imports == []


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def test_classes_are_named_after_what_they_are() -> None:
    vague = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.name.endswith(BANNED_NAME_ENDINGS)
    ]
    assert vague == []


def test_nothing_names_a_machine_or_a_registry() -> None:
    found = [
        f"{name_of(path)}:{n} {match[0]}"
        for path in tracked()
        if path != Path(__file__) and path.suffix not in {".png", ".gz", ".ico"}
        for n, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if (match := FOREIGN.search(line))
    ]
    assert found == []


def test_every_switched_off_rule_has_its_reason() -> None:
    bare = [
        f"{name_of(path)}:{n}"
        for path in [*sources(), *(ROOT / "tests").rglob("*.py")]
        for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"# noqa(?!: [A-Z]+\d+(?:, ?[A-Z]+\d+)*:?.*[a-z]{3})", line) and path != Path(__file__)
    ]
    assert bare == []


@pytest.mark.parametrize("name", ["mypy", "ruff"])
def test_the_tools_are_configured_in_one_place(name: str) -> None:
    others = (f".{name}.toml", f"{name}.toml", f"{name}.ini", "setup.cfg", "pytest.ini", "tox.ini")
    assert [path for path in others if (ROOT / path).exists()] == []


def test_tests_do_not_sleep_and_do_not_mock() -> None:
    found = [
        f"{name_of(path)}:{n}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\btime\.sleep\(|\bunittest\.mock\b|\bMagicMock\b", line) and path != Path(__file__)
    ]
    assert found == []
