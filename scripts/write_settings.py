"""Write docs/settings.md from kit/settings.py. `--check` only compares (exit 1 on a difference)."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

from autorisen.kit.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
_INTRODUCTION = """# Settings

Every setting is an environment variable. A test holds this table to `src/autorisen/kit/settings.py`;
`python scripts/write_settings.py` writes it anew. An empty variable counts as not set. A value that can't be used stops
the start with a sentence that names the variable and the rule.

| variable | default | meaning |
| --- | --- | --- |
"""


def page() -> str:
    """The whole page as Markdown."""
    rows = []
    for each in fields(Settings):
        default = each.default
        shown = ("1" if default else "0") if isinstance(default, bool) else str(default)
        choices = each.metadata["choices"]
        meaning = each.metadata["description"] + (f" (one of: {', '.join(choices)})" if choices else "")
        escaped = meaning.replace("|", "\\|")
        rows.append(f"| `{each.metadata['variable']}` | {f'`{shown}`' if shown else '(empty)'} | {escaped} |")
    return _INTRODUCTION + "\n".join(rows) + "\n"


def main(arguments: list[str]) -> int:
    if "--check" not in arguments:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    return 0 if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
