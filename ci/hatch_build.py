"""Refuses to build a wheel that would start without its pages."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NEEDED = (
    "src/autorisen/ui/static/vendor/.stamp",
    "src/autorisen/catalog/catalog.toml",
    "db/migrations/env.py",
    "docs/project-plan.csv",
)


class CompleteWheel(BuildHookInterface):
    """Checks the files that git does not carry or that lie outside the package."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Stop a standard build when a needed file is missing. An editable install runs from the checkout."""
        if version == "editable":
            return
        missing = [name for name in NEEDED if not (Path(self.root) / name).exists()]
        if missing:
            raise FileNotFoundError(
                f"The wheel would lack {', '.join(missing)}. Run `make wheel`, which builds the front-end files first."
            )
