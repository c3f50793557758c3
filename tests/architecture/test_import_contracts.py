"""The contracts of `.importlinter`, on our source and on copies of a small house with one fault each."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.architecture.source_tree import REPOSITORY

# Enough of every layer that the contracts have something to say; each layer imports the one below.
_HOUSE = {
    "kit/__init__.py": "",
    "kit/database.py": "",
    "kit/unit.py": "",
    "kit/money.py": "",
    "kit/findings.py": "",
    "kit/clock.py": "",
    "kit/problems.py": "",
    "ui/__init__.py": "from autorisen.kit import database",
    "accounts/__init__.py": "from autorisen.ui import __name__",
    "catalog/__init__.py": "from autorisen.accounts import __name__",
    "catalog/rate.py": "",
    "metering/__init__.py": "",
    "ledger/__init__.py": "",
    "ledger/chart.py": "",
    "ledger/postings.py": "",
    "subscriptions/__init__.py": "from autorisen.catalog import __name__",
    "subscriptions/periods.py": "",
    "payments/__init__.py": "from autorisen.ledger import __name__",
    "payments/api.py": "",
    "payments/pages.py": "",
    "billing/__init__.py": "from autorisen import subscriptions, payments",
    "billing/model.py": "",
    "billing/tax.py": "",
    "billing/build_draft.py": "",
    "billing/build_invoice.py": "",
    "billing/closing/__init__.py": "",
    "billing/closing/decide_closing.py": "",
    "billing/rating/__init__.py": "",
    "billing/rating/late_usage.py": "",
    "billing/rating/rate_usage.py": "",
    "billing/store.py": "from autorisen.billing import model",
    "billing/api.py": "",
    "billing/pages.py": "",
    "portal/__init__.py": "from autorisen import billing",
    "console/__init__.py": "",
    "app.py": "from autorisen.billing import api, pages",
    "worker.py": "",
}


def _lint(house: Path, files: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        path = house / "autorisen" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    (house / "autorisen" / "__init__.py").touch()
    (house / ".importlinter").write_text((REPOSITORY / ".importlinter").read_text())
    return _run(house, house)


def _run(folder: Path, python_path: Path) -> subprocess.CompletedProcess[str]:
    # Its console script, by module: the one on PATH may belong to another environment.
    code = "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-logo", "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(python_path), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_our_source_keeps_the_contracts() -> None:
    done = _run(REPOSITORY, REPOSITORY / "src")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_house_in_order_passes(tmp_path: Path) -> None:
    done = _lint(tmp_path, _HOUSE)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "place, line, says",
    [
        (
            "payments/refund.py",
            "from autorisen import billing",
            "autorisen.payments is not allowed to import autorisen",
        ),
        (
            "metering/ingest.py",
            "from autorisen import catalog",
            "autorisen.metering is not allowed to import autorisen",
        ),
        ("kit/mail.py", "import autorisen.ui", "autorisen.kit is not allowed to import autorisen.ui"),
        ("billing/model.py", "from autorisen.kit import database", "autorisen.billing.model -> autorisen.kit.database"),
        ("billing/model.py", "import psycopg", "autorisen.billing.model -> psycopg"),
        ("catalog/rate.py", "import autorisen.kit.unit", "autorisen.catalog.rate -> autorisen.kit.unit"),
        ("billing/tax.py", "import autorisen.billing.store", "autorisen.billing.tax -> autorisen.billing.store"),
        ("portal/home.py", "from autorisen.billing import pages", "Illegal imports of protected package"),
        ("billing/close.py", "from autorisen.billing import api", "Illegal imports of protected package"),
        ("helpers/__init__.py", "", "autorisen.helpers"),
        ("billing/model.py", "from autorisen.billing import store", "No cycles are allowed"),
    ],
)
def test_a_fault_is_reported(tmp_path: Path, place: str, line: str, says: str) -> None:
    done = _lint(tmp_path, _HOUSE | {place: line})
    assert done.returncode == 1, done.stdout + done.stderr
    assert says in done.stdout
