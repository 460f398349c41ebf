"""Scripts that belong to no package, as modules: those of deploy/ and docs/."""

from __future__ import annotations

import importlib.util
from functools import cache
from types import ModuleType

from tests.support.shared import ROOT


@cache
def script(name: str) -> ModuleType:
    """`script("docs/generate.py")`, loaded once."""
    path = ROOT / name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
