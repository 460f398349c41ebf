"""Render the chart once for each directory of cases/, so that a change of the chart is seen as a change of objects.

    make chart                                  needs helm

The first line of a rendered file holds a hash of what it was made from: a test finds one that is out of date, also
where there is no helm.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
CHART = HERE / "innerloop"
# The oldest Kubernetes whose objects the chart is written for; helm alone would assume one of its own.
KUBERNETES = "1.31.0"


def cases() -> list[Path]:
    return sorted(path.parent for path in HERE.glob("cases/*/values.yaml"))


def stamp(case: Path) -> str:
    """A hash of everything that decides what is rendered."""
    digest = hashlib.sha256()
    for path in [CHART / "Chart.yaml", CHART / "values.yaml", *sorted((CHART / "templates").iterdir())]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update((case / "values.yaml").read_bytes())
    return f"# made by `make chart` from {digest.hexdigest()[:16]}\n"


def render(values: Path, helm: str = "helm", *more: str, release: str = "innerloop") -> str:
    """What `helm template` prints. Raises CalledProcessError with helm's words in `stderr`."""
    command = [
        helm, "template", release, str(CHART), "--namespace", "feedback", "--kube-version", KUBERNETES,
        "--values", str(values), *more,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - helm, with paths of ours


def main() -> None:
    for case in cases():
        (case / "rendered.yaml").write_text(stamp(case) + render(case / "values.yaml"), encoding="utf-8")


if __name__ == "__main__":
    main()
