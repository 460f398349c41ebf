"""A hook of the site: what our tests read behind a fence becomes the block's title.

"```yaml add to routing.yaml at the end" tells the test what to do with the block, and the reader where it belongs.
Markdown knows only the first word.
"""

from __future__ import annotations

import re
from typing import Any

_FOR_TESTS = re.compile(r"^(in |file |run\b.*|elsewhere)")
_FENCE = re.compile(r"^```(\w+) (?!title=)(?!.*[={}])([^\n`]+)$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    return _FENCE.sub(_titled, markdown)


def _titled(match: re.Match[str]) -> str:
    words = _FOR_TESTS.sub("", match[2])
    return f'```{match[1]} title="{words}"' if words else f"```{match[1]}"
