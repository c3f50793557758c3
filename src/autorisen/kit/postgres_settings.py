"""How the embedded PostgreSQL is set: as durable as PostgreSQL can be, and sized by the machine it finds."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MB = 1024 * 1024

_ALWAYS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %d ",
    "jit": "off",
}
# Safe against a kill, not against a power cut: a commit still reaches the operating system before it is answered.
_FORGETFUL = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "autovacuum": "off",
}
_MEMORY_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def server_settings(data_dir: Path, *, durable: bool) -> dict[str, str]:
    """The settings of a server whose data is in this folder."""
    return _ALWAYS | (_sized(memory_bytes(), _free_bytes(data_dir)) if durable else _FORGETFUL)


def _sized(memory: int, free: int) -> dict[str, str]:
    """A quarter of the memory for pages, an eighth of the free disk for the log, within limits.

    After a checkpoint the first change of each page logs the page whole. Where ids are random nearly each event meets
    another page of the index, so a log that holds few minutes only is mostly whole pages.
    """
    return {
        "shared_buffers": f"{_within(128, memory // 4 // MB, 4096)}MB",
        "max_wal_size": f"{_within(1024, free // 8 // MB, 8192)}MB",
        "min_wal_size": f"{_within(128, free // 64 // MB, 1024)}MB",
        "checkpoint_timeout": "15min",
    }


def _within(least: int, wanted: int, most: int) -> int:
    return max(least, min(wanted, most))


def memory_bytes(limits: tuple[Path, ...] = _MEMORY_LIMITS) -> int:
    """The memory of the machine, or of the container around us when that is less."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in limits:
        text = path.read_text().strip() if path.is_file() else ""
        if text.isdigit():
            found.append(int(text))
    return min(found)


def _free_bytes(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
