"""`python -m bench [name]`: run one measurement, or all of them."""

from __future__ import annotations

import sys

from bench import backfill, client, ingest

MEASUREMENTS = {"ingest": ingest.main, "client": client.main, "backfill": backfill.main}


def main() -> None:
    names = sys.argv[1:] or list(MEASUREMENTS)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; known: {', '.join(MEASUREMENTS)}")
    for name in names:
        MEASUREMENTS[name]()


main()
