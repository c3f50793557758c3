"""Apply the catalog file that ships with autorisen: plans to the catalog, meters to metering, in one transaction."""

from __future__ import annotations

from autorisen import catalog, metering
from autorisen.kit.unit import Unit


async def apply_catalog_text(unit: Unit, text: str) -> list[catalog.Change]:
    """Make a catalog file what is sold and measured. Gives the changes of the plans; applied twice, there are none."""
    file = catalog.load_catalog(text)
    changes = await catalog.apply_catalog(unit, file)
    await metering.apply_meters(unit, metering.load_meters(list(file.meters)))
    return changes
