"""python -m bench: throughput, then latency. `python -m bench.throughput --help` shows what can be chosen."""

from __future__ import annotations

import sys

from bench import latency, throughput


def main() -> None:
    throughput.main(sys.argv[1:])
    latency.main([])


if __name__ == "__main__":
    main()
