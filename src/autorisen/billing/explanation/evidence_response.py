"""An evidence file as an HTTP answer, for the pages and for the machine interface."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi.responses import StreamingResponse


def evidence_response(number: str, records: AsyncIterator[bytes]) -> StreamingResponse:
    """The file, named by the document's number, as it is read."""
    headers = {
        "Content-Disposition": f'attachment; filename="{number}-evidence.jsonl"',
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(records, media_type="application/jsonl", headers=headers)
