"""The main flow over one batch."""

from __future__ import annotations

from worker.pipeline.flow import Pipeline
from worker.pipeline.understanding import understand

__all__ = ["Pipeline", "understand"]
