"""Read a catalog file that a command is given."""

from __future__ import annotations

from pathlib import Path

from autorisen import catalog
from autorisen.kit.problems import FieldError


def catalog_text(file: Path | None) -> str:
    """The text of a file, or of the catalog that comes with the platform. Raises `CatalogInvalid` when it is none."""
    if file is None:
        return catalog.shipped_catalog()
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise catalog.CatalogInvalid([FieldError("", f"must be UTF-8: byte {error.start} is not")]) from None
