"""The audit log: who did what to what. Append-only by a trigger."""

from __future__ import annotations

from collections.abc import Mapping

from autorisen.accounts import store
from autorisen.accounts.model import AuditEntry
from autorisen.kit.database import Tx
from autorisen.kit.unit import Unit


async def record_audit(
    unit: Unit, *, actor: str, action: str, target: str, detail: Mapping[str, object] | None = None
) -> None:
    """Note an action in the transaction that does it. `actor` is `Principal.actor`, or "system".

    `detail` holds JSON values and never a secret. The time is real time, also when the sandbox clock is ahead.
    """
    await store.insert_audit(unit.tx, at=unit.wall_now, actor=actor, action=action, target=target, detail=detail or {})


async def audit_log(tx: Tx, *, target: str = "", limit: int = 50) -> list[AuditEntry]:
    """The newest entries, of one target or of all."""
    return await store.list_audit(tx, target=target, limit=limit)
