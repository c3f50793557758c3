"""`python -m bench.close_worker URL [PROFILE]`: close what is due at the end of the benchmark's month.

It says `ready` and begins when it is told a line, so that the start of the process is not measured. With PROFILE it
writes what cProfile saw to that file.
"""

from __future__ import annotations

import asyncio
import cProfile
import sys
from dataclasses import replace

from autorisen.billing import close_due
from autorisen.kit.clock import FrozenClock
from autorisen.kit.logs import configure_logs
from autorisen.kit.open_runtime import open_runtime
from autorisen.kit.settings import Settings
from autorisen.kit.spare_collections import spare_collections
from bench.close_fill import DUE


async def work(url: str) -> None:
    spare_collections()
    settings = Settings(database_url=url, supplier_vat_number="4123456789", supplier_address="1 Long Street|Cape Town")
    async with open_runtime(settings, url) as runtime:
        at_the_end = replace(runtime, clock=FrozenClock(DUE))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        while (await close_due(at_the_end)).tried:
            pass


def main() -> None:
    configure_logs(level="warning", log_format="text", process="worker")
    if len(sys.argv) > 2:
        cProfile.run("asyncio.run(work(sys.argv[1]))", sys.argv[2])
    else:
        asyncio.run(work(sys.argv[1]))


if __name__ == "__main__":
    main()
