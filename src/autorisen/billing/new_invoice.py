"""An invoice that is about to be stored. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from autorisen.billing.model import Draft, LineKind


@dataclass(frozen=True)
class NewInvoice:
    """A draft with the ids under which it is going to be stored; a line's id by its position."""

    id: UUID
    draft: Draft
    line_ids: tuple[UUID, ...]

    @property
    def fee_line_id(self) -> UUID:
        """The id of the flat fee's line. Raises StopIteration for an invoice without a fee."""
        return next(
            id for id, line in zip(self.line_ids, self.draft.lines, strict=True) if line.kind is LineKind.FLAT_FEE
        )
