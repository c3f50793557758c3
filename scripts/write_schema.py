"""Write db/schema.sql from the migrations: what the database looks like when all of them have run.

`make schema` writes it; tests/migrations holds it to the migrations. `--check` only compares (exit 1 on a difference).
"""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.migrate import migrate
from autorisen.kit.server_account import binaries

SCHEMA = Path(__file__).parents[1] / "db" / "schema.sql"
_HEADER = "-- Written by `make schema` from db/migrations; tests/migrations holds it to them. Do not edit.\n"
# What differs from one run or one version of pg_dump to the next and says nothing about the schema.
_NOISE = re.compile(r"--|\\(un)?restrict\b|SET |SELECT pg_catalog\.set_config|$")


def dump(url: str) -> str:
    """The schema of the database at `url` as SQL, without comments and session settings."""
    command = [str(binaries() / "pg_dump"), "--schema-only", "--no-owner", "--no-privileges", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return normalised(done.stdout)


def normalised(text: str) -> str:
    """Statements split by one blank line; blank lines inside of function bodies go too."""
    lines = [line.rstrip() for line in text.splitlines() if not _NOISE.match(line)]
    return _HEADER + "\n" + re.sub(r";\n(?=[A-Z])", ";\n\n", "\n".join(lines)) + "\n"


def schema_of_migrations() -> str:
    """Run all migrations in a database of their own and dump it."""
    with tempfile.TemporaryDirectory(prefix="autorisen-schema-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder) / "pg", durable=False)
        server.start()
        try:
            migrate(server.url())
            return dump(server.url())
        finally:
            server.stop("immediate")


def main(arguments: list[str]) -> int:
    made = schema_of_migrations()
    if "--check" not in arguments:
        SCHEMA.write_text(made, encoding="utf-8")
        return 0
    kept = SCHEMA.read_text(encoding="utf-8") if SCHEMA.exists() else ""
    difference = difflib.unified_diff(kept.splitlines(), made.splitlines(), "db/schema.sql", "migrations", lineterm="")
    text = "\n".join(difference)
    if text:
        print(text)
    return 1 if text else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
