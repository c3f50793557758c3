"""The SQL of imports: how far each one is."""

from __future__ import annotations

from datetime import datetime

from autorisen.kit.database import Tx
from autorisen.metering.importing.model import ImportState

BEGIN_IMPORT = """
INSERT INTO metering.imports AS import (digest, file_name, started_at)
VALUES (%(digest)s, %(file_name)s, %(now)s)
ON CONFLICT (digest) DO UPDATE
SET file_name = excluded.file_name, started_at = excluded.started_at, finished_at = NULL,
    next_row = CASE WHEN import.finished_at IS NULL THEN import.next_row ELSE 0 END,
    accepted = CASE WHEN import.finished_at IS NULL THEN import.accepted ELSE 0 END,
    duplicates = CASE WHEN import.finished_at IS NULL THEN import.duplicates ELSE 0 END,
    conflicts = CASE WHEN import.finished_at IS NULL THEN import.conflicts ELSE 0 END,
    rejected = CASE WHEN import.finished_at IS NULL THEN import.rejected ELSE 0 END
RETURNING next_row, accepted, duplicates, conflicts, rejected
"""

SAVE_IMPORT = """
UPDATE metering.imports
SET next_row = %(next_row)s, accepted = %(accepted)s, duplicates = %(duplicates)s, conflicts = %(conflicts)s,
    rejected = %(rejected)s
WHERE digest = %(digest)s
"""

FINISH_IMPORT = "UPDATE metering.imports SET finished_at = %(now)s WHERE digest = %(digest)s"


async def begin_import(tx: Tx, digest: bytes, file_name: str, now: datetime) -> ImportState:
    """A new import, an interrupted one where it stopped, or a finished one from its beginning."""
    values = {"digest": digest, "file_name": file_name, "now": now}
    row = await (await tx.execute(BEGIN_IMPORT, values)).fetchone()
    assert row is not None, "an upsert gives its row"
    return ImportState(*row)


async def save_import(tx: Tx, digest: bytes, state: ImportState) -> None:
    await tx.execute(
        SAVE_IMPORT,
        {
            "digest": digest,
            "next_row": state.next_row,
            "accepted": state.accepted,
            "duplicates": state.duplicates,
            "conflicts": state.conflicts,
            "rejected": state.rejected,
        },
    )


async def finish_import(tx: Tx, digest: bytes, now: datetime) -> None:
    await tx.execute(FINISH_IMPORT, {"digest": digest, "now": now})
