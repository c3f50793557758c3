"""Is the database up to date? Answered without loading Alembic, which would double the time of a warm start."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import errors


def migrations_folder() -> Path:
    """`db/migrations` of a checkout, or the copy that the wheel carries."""
    packaged = Path(__file__).parents[1] / "_migrations"
    return packaged if packaged.exists() else Path(__file__).parents[3] / "db" / "migrations"


def newest_revision() -> str:
    """The revision that this release needs: each migration is named like its file, and the files are in order."""
    return max(path.stem for path in (migrations_folder() / "versions").glob("[0-9]*.py"))


def is_up_to_date(url: str) -> bool:
    """Whether the database is at the newest revision; False for an empty one. Raises psycopg's errors otherwise."""
    with psycopg.connect(url) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except errors.UndefinedTable:
            return False
    return row is not None and row[0] == newest_revision()
