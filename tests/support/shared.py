"""Material that lies beside the checkout and is not part of the project: tests that read it skip where it is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def shared_dir() -> Path:
    """`../shared` beside the checkout; skips the test that asks when it is not there."""
    beside = ROOT.parent / "shared"
    if not beside.is_dir():
        pytest.skip("needs ../shared beside the checkout")
    return beside
