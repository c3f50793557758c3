"""What producers say they sent, per source and hour, and which of their events are not here: append-only."""

from autorisen.metering.control_totals.model import ControlTotal, ids_digest

__all__ = ["ControlTotal", "ids_digest"]
