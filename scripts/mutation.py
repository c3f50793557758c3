"""How many changes to the money modules the tests see: run mutmut, print the score, hold it to its floor.

python scripts/mutation.py              all of them, from the beginning; writes bench/results/mutation.json
python scripts/mutation.py '*tax*' ...  only the mutants of these names, to look closer; writes nothing

Which modules, which tests: [tool.mutmut] in pyproject.toml. A mutant is killed when a test fails, or no longer ends.
Exit 0 when every module holds the floor, 1 with what survived, 2 when it could not run.
"""

from __future__ import annotations

import fnmatch
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
WORK = REPOSITORY / "mutants"
LOG = WORK / "mutmut.log"
RESULT = REPOSITORY / "bench" / "results" / "mutation.json"
FLOOR = 85

# What mutmut keeps of a mutant: the exit code of pytest, or how its process ended.
FAILED = frozenset({1, 3})
NEVER_ENDED = frozenset({24, 36, 152, 255, -24})
NOT_TRIED = frozenset({None, 2})
# A change that makes a list grow without end stops here, before it takes the machine along.
MEMORY_MAX = 6_000_000_000

_MUTANT = re.compile(r"^(?P<module>[\w.]+)\.x(?:_|ǁ(?P<class>\w+)ǁ)(?P<function>\w+)__mutmut_\d+$")


@dataclass(frozen=True)
class Score:
    """One module: how many mutants were killed of how many, and those that were not."""

    module: str
    killed: int
    all: int
    survivors: tuple[str, ...]

    @property
    def percent(self) -> float:
        """Rounded down, so that what is below the floor never reads as the floor."""
        return self.killed * 1000 // self.all / 10

    @property
    def holds(self) -> bool:
        return self.killed * 100 >= FLOOR * self.all


def function_of(mutant: str) -> str:
    """The function that a mutant changes: `Money.parse`, `tax_fraction`."""
    match = _MUTANT.match(mutant)
    if match is None:
        raise ValueError(f"{mutant} is no name of a mutant")
    return f"{match['class']}.{match['function']}" if match["class"] else match["function"]


def scores(found: Mapping[str, Mapping[str, int | None]]) -> list[Score]:
    """Module -> mutant -> exit code, as scores. Raises ValueError when a mutant was not tried."""
    made = []
    for module, codes in sorted(found.items()):
        if waiting := sorted(name for name, code in codes.items() if code in NOT_TRIED):
            raise ValueError(f"{len(waiting)} mutants of {module} were not tried, such as {waiting[0]}")
        alive = tuple(name for name, code in codes.items() if code not in FAILED | NEVER_ENDED)
        if codes:
            made.append(Score(module, len(codes) - len(alive), len(codes), alive))
    return made


def whole(parts: Sequence[Score]) -> Score:
    """All modules together."""
    survivors = tuple(name for part in parts for name in part.survivors)
    return Score("all", sum(part.killed for part in parts), sum(part.all for part in parts), survivors)


def by_function(score: Score) -> dict[str, int]:
    """How many mutants of each function survived, in the order of the file."""
    return dict(Counter(map(function_of, score.survivors)))


def lines_of(parts: Sequence[Score]) -> Iterator[str]:
    """The table, then what survived as `file: function (how many)`."""
    for part in (*parts, whole(parts)):
        yield f"{part.module:55} {part.killed:5} of {part.all:5}  {part.percent:5.1f} %"
    for part in parts:
        for function, count in by_function(part).items():
            yield f"{part.module}: {function} ({count} survived)"


def found_by_mutmut(modules: Sequence[str], only: Sequence[str]) -> dict[str, dict[str, int | None]]:
    """What the last run left, of these modules; `only` are patterns of mutants' names, none for all."""
    found = {}
    for module in modules:
        kept = json.loads((WORK / f"{module}.meta").read_text(encoding="utf-8"))["exit_code_by_key"]
        wanted = {name: code for name, code in kept.items() if not only or any(fnmatch.fnmatch(name, p) for p in only)}
        found[module.removeprefix("src/autorisen/")] = wanted
    return found


def run_mutmut(only: Sequence[str]) -> int:
    """Its own progress goes to a terminal; elsewhere to a file, of which the end is shown when it fails."""
    command = [str(Path(sys.executable).parent / "mutmut"), "run", *only]
    limits = (MEMORY_MAX, resource.getrlimit(resource.RLIMIT_AS)[1])
    WORK.mkdir(exist_ok=True)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, limits)

    if sys.stdout.isatty():
        return subprocess.run(command, cwd=REPOSITORY, preexec_fn=limit, check=False).returncode
    with LOG.open("w", encoding="utf-8") as log:
        done = subprocess.run(command, cwd=REPOSITORY, preexec_fn=limit, stdout=log, stderr=log, check=False)
    if done.returncode:
        print(LOG.read_text(encoding="utf-8").rpartition("\r")[2][-3000:], file=sys.stderr)
    return done.returncode


def result_of(parts: Sequence[Score], minutes: float) -> dict[str, Any]:
    """What is kept in the repository."""
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, text=True).strip()
    total = whole(parts)
    return {
        "commit": commit,
        "command": "make mutants",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "minutes": round(minutes, 1),
        "floor_percent": FLOOR,
        "killed": total.killed,
        "all": total.all,
        "percent": total.percent,
        "modules": {part.module: [part.killed, part.all, part.percent] for part in parts},
        "survivors": {part.module: by_function(part) for part in parts if part.survivors},
    }


def main(only: Sequence[str]) -> int:
    config = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    if not only:
        # mutmut keeps verdicts from run to run, and would not see that a test has changed.
        shutil.rmtree(WORK, ignore_errors=True)
    began = time.monotonic()
    if run_mutmut(only):
        return 2
    minutes = (time.monotonic() - began) / 60
    parts = scores(found_by_mutmut(config["only_mutate"], only))
    print("\n".join(lines_of(parts)))
    if not only:
        RESULT.write_text(json.dumps(result_of(parts, minutes), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    below = [part.module for part in parts if not part.holds]
    if below:
        print(f"below {FLOOR} %: {', '.join(below)}. `.venv/bin/mutmut show NAME` shows a mutant.")
    print(f"mutation score {whole(parts).percent} % in {minutes:.0f} minutes")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
