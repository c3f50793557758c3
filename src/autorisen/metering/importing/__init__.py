"""Importing files of usage: CSV with a column map, and JSONL of CloudEvents."""

from importlib.resources import files
from pathlib import Path

from autorisen.metering.importing.import_file import OnProgress, import_file
from autorisen.metering.importing.model import ImportOptions, ImportReport

# The columns of the shipped example data.
EXAMPLE_COLUMNS = {"time": "TIMESTAMP", "data.input_tokens": "ContextTokens", "data.output_tokens": "GeneratedTokens"}


def example_file(name: str) -> Path:
    """One of the shipped traces of real LLM requests: `code` or `conv` (see example_data/README.md)."""
    return Path(str(files("autorisen.metering"))) / "example_data" / f"azure_llm_{name}.csv.gz"


__all__ = [
    "EXAMPLE_COLUMNS",
    "ImportOptions",
    "ImportReport",
    "OnProgress",
    "example_file",
    "import_file",
]
