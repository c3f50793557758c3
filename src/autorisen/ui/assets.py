"""Static files, held in memory and served under the hash of all of them, so a browser may keep them for ever.

One hash for the whole tree: modules, fonts and styles refer to each other by relative paths and always match.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from autorisen.kit.problems import NotFound

STATIC = Path(__file__).parent / "static"
STYLESHEET = "app.css"
IMMUTABLE = "public, max-age=31536000, immutable"
COMPRESSED = {"text/css", "text/javascript", "image/svg+xml", "application/json"}
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


class StaticFilesMissing(RuntimeError):
    """The third-party files are not there: `make static` copies them."""


@dataclass(frozen=True)
class Asset:
    """One file as it is sent: plain, and gzipped when that is worth it."""

    body: bytes
    content_type: str
    gzipped: bytes | None


@dataclass(frozen=True)
class Assets:
    """Every static file by path, and the hash of them all."""

    version: str
    files: dict[str, Asset]


def _asset(name: str, body: bytes) -> Asset:
    kind = TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    packed = gzip.compress(body, 9, mtime=0) if kind in COMPRESSED else None
    charset = "; charset=utf-8" if kind.startswith("text/") else ""
    return Asset(body, kind + charset, packed)


def _read(folder: Path) -> dict[str, bytes]:
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    if "vendor/htmx.js" not in files:
        raise StaticFilesMissing("the front-end files are missing; run `make static` (or scripts/build_static.py)")
    # The parts of the style sheet are numbered: their order is the cascade.
    parts = [name for name in files if name.startswith("css/")]
    files[STYLESHEET] = b"\n".join(files.pop(name) for name in sorted(parts))
    return files


@cache
def assets() -> Assets:
    """All static files, read once per process. Raises `StaticFilesMissing`."""
    files = _read(STATIC)
    digest = hashlib.sha256()
    for name, body in sorted(files.items()):
        digest.update(f"{name}\0{len(body)}\0".encode() + body)
    return Assets(digest.hexdigest()[:16], {name: _asset(name, body) for name, body in files.items()})


def static_url(path: str) -> str:
    """The address of a static file. Raises KeyError for a file that does not exist, so that a typo fails in a test."""
    known = assets()
    if path not in known.files:
        raise KeyError(f"no static file {path}")
    return f"/static/{known.version}/{path}"


@cache
def icon_bodies() -> dict[str, str]:
    """Icon name -> inner SVG of the Lucide set."""
    bodies: dict[str, str] = json.loads(assets().files["vendor/icons.json"].body)
    return bodies


static_router = APIRouter(include_in_schema=False)


@static_router.get("/static/{version}/{path:path}")
async def static_file(request: Request, version: str, path: str) -> Response:
    """One static file. A page of another release may ask under its own hash: it gets today's file, uncached."""
    known = assets()
    asset = known.files.get(path)
    if asset is None:
        raise NotFound("There is no such file.")
    headers = {
        "Cache-Control": IMMUTABLE if version == known.version else "no-cache",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if asset.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.gzipped, media_type=asset.content_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(asset.body, media_type=asset.content_type, headers=headers)


@static_router.get("/favicon.ico")
async def favicon() -> Response:
    """Browsers ask for this name by themselves."""
    asset = assets().files["favicon.svg"]
    return Response(asset.body, media_type=asset.content_type, headers={"Cache-Control": "public, max-age=86400"})
