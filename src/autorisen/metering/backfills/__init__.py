"""Backfills: files of usage (CSV, JSONL, Parquet) that are taken in as one, resumed, rehearsed and taken back."""

from importlib.resources import files
from pathlib import Path

from autorisen.metering.backfills.backfill_file import OnProgress, Rehearsal, backfill_file, rehearse_backfill
from autorisen.metering.backfills.model import (
    Backfill,
    BackfillOptions,
    BackfillReport,
    BackfillState,
    Refusal,
    RowCounts,
)
from autorisen.metering.backfills.read_file import FileFormat, UsageFile, open_file
from autorisen.metering.backfills.revert_backfill import rehearse_revert, revert_backfill
from autorisen.metering.backfills.store import list_backfills

# The columns of the shipped example data.
EXAMPLE_COLUMNS = {"time": "TIMESTAMP", "data.input_tokens": "ContextTokens", "data.output_tokens": "GeneratedTokens"}


def example_file(name: str) -> Path:
    """One of the shipped traces of real LLM requests: `code` or `conv` (see example_data/README.md)."""
    return Path(str(files("autorisen.metering"))) / "example_data" / f"azure_llm_{name}.csv.gz"


__all__ = [
    "EXAMPLE_COLUMNS",
    "Backfill",
    "BackfillOptions",
    "BackfillReport",
    "BackfillState",
    "FileFormat",
    "OnProgress",
    "Refusal",
    "Rehearsal",
    "RowCounts",
    "UsageFile",
    "backfill_file",
    "example_file",
    "list_backfills",
    "open_file",
    "rehearse_backfill",
    "rehearse_revert",
    "revert_backfill",
]
