"""The wheel alone is all that a server needs: installed into an empty environment it starts, seeds and serves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.run.installation import Installation

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def uv(*arguments: str, folder: Path = ROOT) -> str:
    """Run the uv that built this environment."""
    program = subprocess.run(
        [sys.executable, str(ROOT / "ci" / "bootstrap.py")], capture_output=True, text=True, check=True
    ).stdout.strip()
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The wheel in an empty environment, started in an empty folder that knows nothing of the checkout."""
    folder = tmp_path_factory.mktemp("server")
    environment = folder / "environment"
    locked = folder / "locked.txt"
    uv("export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes", "-o", str(locked))
    uv("venv", "--quiet", "--python", sys.executable, str(environment))
    python = str(environment / "bin" / "python")
    uv("pip", "install", "--quiet", "--python", python, "--constraint", str(locked), str(wheel))
    installation = Installation(folder, command=[str(environment / "bin" / "autorisen")])
    installation.up()
    try:
        installation.wait_until_ready()
        yield installation
    finally:
        installation.kill_everything()


def test_it_carries_what_lies_outside_the_package(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    assert "autorisen/_migrations/env.py" in names
    assert "autorisen/_migrations/versions/0001_kit.py" in names
    assert "autorisen/catalog/catalog.toml" in names
    assert "autorisen/ui/static/vendor/htmx.js" in names
    assert "autorisen/ui/templates/base.html" in names
    assert "autorisen/metering/example_data/azure_llm_code.csv.gz" in names
    assert "autorisen/projectplan/project-plan.csv" in names
    assert not [name for name in names if name.startswith(("tests/", "bench/", "scripts/"))]


def test_it_starts_from_the_wheel_alone(installed: Installation) -> None:
    assert installed.get("/api/health").json()["environment"] == "sandbox"
    where = installed.run("version").stdout
    assert where.startswith("autorisen ")
    found = subprocess.run(
        [str(Path(installed.command[0]).with_name("python")), "-c", "import autorisen; print(autorisen.__file__)"],
        cwd=installed.folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert str(ROOT) not in found.stdout


def test_its_pages_and_their_static_files_are_there(installed: Installation) -> None:
    landing = installed.get("/")
    assert landing.status_code == 200
    files = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', landing.text))
    assert files
    assert {path: installed.get(path).status_code for path in files} == dict.fromkeys(files, 200)


def test_it_seeds_the_demo_and_prints_the_sign_ins(installed: Installation) -> None:
    demo = json.loads((installed.home / "demo.json").read_text())
    assert demo["complete"] is True
    for secret in (demo["customer"]["password"], demo["operator"]["password"], demo["api_key"]):
        assert secret in installed.said()
    assert (installed.home / "demo.json").stat().st_mode & 0o077 == 0


def test_ctrl_c_stops_it(installed: Installation) -> None:
    assert installed.interrupt() == 0, installed.said()


def test_a_checkout_without_its_front_end_files_builds_no_wheel(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    (bare / "src" / "autorisen").mkdir(parents=True)
    (bare / "ci").mkdir()
    for name in ("pyproject.toml", "ci/hatch_build.py", "README.md", "LICENSE"):
        (bare / name).write_bytes((ROOT / name).read_bytes())
    (bare / "src" / "autorisen" / "__init__.py").touch()
    done = build(bare, tmp_path / "dist")
    assert done.returncode != 0
    assert "make wheel" in done.stderr
    assert not (tmp_path / "dist").exists() or not list((tmp_path / "dist").iterdir())
