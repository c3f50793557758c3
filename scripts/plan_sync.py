"""Keep the PLAN block of docs/Master_ProjectPlan.md equal to docs/project-plan.csv.

python scripts/plan_sync.py --check-only    0 equal, 1 different (the differences are printed), 2 unreadable
python scripts/plan_sync.py --apply         writes the block, whole or not at all
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from autorisen.projectplan import (
    BlockMissing,
    InvalidPlan,
    MarkersBroken,
    drift,
    load_plan,
    render_block,
    replace_block,
)

DOCS = Path(__file__).parents[1] / "docs"
_STUB = "# Master project plan\n\n<!-- PLAN:BEGIN -->\n<!-- PLAN:END -->\n"


def write_whole(path: Path, text: str) -> None:
    """Replace the file in one step: a reader, or a crash, sees the old text or the new one."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check-only", action="store_true", help="compare only; wins over --apply")
    parser.add_argument("--apply", action="store_true", help="write the block")
    parser.add_argument("--csv", type=Path, default=DOCS / "project-plan.csv")
    parser.add_argument("--md", type=Path, default=DOCS / "Master_ProjectPlan.md")
    options = parser.parse_args(arguments)
    if not options.check_only and not options.apply:
        parser.print_usage(sys.stderr)
        return 2
    try:
        return _run(options.csv, options.md, check_only=options.check_only)
    except (OSError, UnicodeDecodeError, InvalidPlan, MarkersBroken) as error:
        print(f"plan_sync: {error}", file=sys.stderr)
        return 2


def _run(source: Path, target: Path, *, check_only: bool) -> int:
    plan = load_plan(source.read_text(encoding="utf-8"))
    for warning in plan.warnings:
        print(f"{source.name}: {warning}", file=sys.stderr)
    document = target.read_text(encoding="utf-8") if target.exists() else _STUB
    if not check_only:
        write_whole(target, replace_block(document, render_block(plan)))
        return 0
    try:
        differences = drift(document, plan)
    except BlockMissing as error:
        differences = [str(error)]
    for line in differences:
        print(line)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
