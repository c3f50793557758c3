"""`python -m bench [name ...]`: run some measurements, or all.

`--quick` shortens `ingest`, `usage` and `close` to a test.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

from bench import backfill, client, close, ingest, usage

MEASUREMENTS: dict[str, Callable[[], None]] = {
    "ingest": ingest.main,
    "client": client.main,
    "backfill": backfill.main,
    "usage": usage.main,
    "close": close.main,
}


def main() -> None:
    quick = "--quick" in sys.argv
    measurements = MEASUREMENTS | {
        "ingest": partial(ingest.main, quick=quick),
        "usage": partial(usage.main, quick=quick),
        "close": partial(close.main, quick=quick),
    }
    names = [name for name in sys.argv[1:] if name != "--quick"] or list(measurements)
    unknown = [name for name in names if name not in measurements]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; known: {', '.join(measurements)}")
    for name in names:
        measurements[name]()


main()
