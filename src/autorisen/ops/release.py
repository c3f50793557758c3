"""Which release is running."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from autorisen.kit.settings import Settings


@dataclass(frozen=True)
class Release:
    """What `/api/version` and `autorisen version` tell. An empty commit means: not built by a pipeline."""

    version: str
    git_sha: str
    environment: str


def release(settings: Settings) -> Release:
    """The release of this process: labels of the image first, then the installed package."""
    try:
        packaged = version("autorisen")
    except PackageNotFoundError:
        packaged = "0+unknown"
    return Release(settings.build_version or packaged, settings.git_sha, settings.environment)
