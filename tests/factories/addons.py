"""A plan with add-ons, for tests."""

from __future__ import annotations

import re

from autorisen.catalog import shipped_catalog

AGENTS = """
[[plan.addon]]
key = "extra_agents"
name = "Extra agents"
unit = "agent"
max = 50
raises = { agents = 2 }
price = [
    { currency = "ZAR", interval = "month", amount = "49.00" },
    { currency = "ZAR", interval = "year", amount = "490.00" },
    { currency = "USD", interval = "month", amount = "3.00" },
]

"""


def pro_with(addon: str = AGENTS) -> str:
    """The shipped catalog, with an add-on of Pro."""
    text, found = re.subn(r"^# -+ Enterprise$", lambda mark: addon + mark[0], shipped_catalog(), flags=re.MULTILINE)
    assert found == 1, "the catalog has its plans one after the other"
    return text
