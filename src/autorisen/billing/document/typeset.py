"""Set a document as a PDF by Typst. The same document gives the same bytes.

Every value is data that the template lays out, never Typst source: a name full of `#` and brackets is a name.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path

import typst

from autorisen.billing.model import Party

_TEMPLATE = Path(__file__).parents[1] / "templates" / "document.typ"


@cache
def _compiler() -> typst.Compiler:
    # Kept: it has read the fonts. Only the fonts of the wheel, so that every machine sets the same page.
    return typst.Compiler(str(_TEMPLATE), ignore_system_fonts=True)


def typeset(document: dict[str, object], at: datetime) -> bytes:
    """The document as a PDF that says it was made `at`."""
    pdf = _compiler().compile(
        sys_inputs={"document": json.dumps(document)}, format="pdf", timestamp=int(at.timestamp())
    )
    assert isinstance(pdf, bytes), "one document of format pdf is one bytes object"
    return pdf


def party_rows(party: Party) -> dict[str, object]:
    """A party as the template shows it."""
    address = [each.strip() for each in party.address.replace("|", "\n").splitlines() if each.strip()]
    return {"name": party.name, "lines": [*address, party.email], "vat_number": party.vat_number}
