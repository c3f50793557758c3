"""Find or fetch uv and print the path of its program. Standard library only; runs before anything is installed.

Order: uv on PATH; the copy fetched before; pip, if this Python has one; `python -m venv`, if it works; else the wheel
straight from the package index that the environment names (UV_DEFAULT_INDEX, PIP_INDEX_URL, else pypi.org).
A fresh Debian has neither pip nor venv, so the last way must work by itself. Each way checks the pinned hash.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
REQUIREMENTS = os.path.join(HERE, "uv-requirements.txt")
FOLDER = os.path.join(os.path.dirname(HERE), ".tools", "uv")
OLDEST_UV = (0, 8)

PLATFORMS = {
    ("Linux", "x86_64", "glibc"): "manylinux_2_17_x86_64",
    ("Linux", "aarch64", "glibc"): "manylinux_2_28_aarch64",
    ("Linux", "x86_64", "musl"): "musllinux_1_1_x86_64",
    ("Linux", "aarch64", "musl"): "musllinux_1_1_aarch64",
    ("Darwin", "x86_64", ""): "macosx_10_12_x86_64",
    ("Darwin", "arm64", ""): "macosx_11_0_arm64",
}


def say(text):
    print(text, file=sys.stderr, flush=True)


def pinned():
    with open(REQUIREMENTS) as file:
        text = file.read()
    version = re.search(r"uv==(\S+)", text).group(1)
    return version, set(re.findall(r"sha256:([0-9a-f]{64})", text))


def works(program):
    """Whether the program is a uv that can read our lock file."""
    try:
        output = subprocess.check_output([program, "--version"], text=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    found = re.search(r"(\d+)\.(\d+)", output)
    return bool(found) and tuple(map(int, found.groups())) >= OLDEST_UV


def pip_install(python):
    command = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--upgrade",
    ]
    command += [
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--target",
        FOLDER,
        "-r",
        REQUIREMENTS,
    ]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    if done.returncode != 0:
        say("pip did not install uv: " + (done.stdout.strip().splitlines() or ["no output"])[-1])
    return done.returncode == 0


def by_pip():
    if (
        subprocess.run(
            [sys.executable, "-m", "pip", "--version"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        ).returncode
        != 0
    ):
        return False
    return pip_install(sys.executable)


def by_venv():
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(
            [sys.executable, "-m", "venv", folder],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return made.returncode == 0 and pip_install(os.path.join(folder, "bin", "python"))


def fetch(url):
    parts = urllib.parse.urlsplit(url)
    request = urllib.request.Request(url)
    if parts.username:  # A private index commonly carries its credentials in the URL.
        manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        user, password = map(urllib.parse.unquote, (parts.username, parts.password or ""))
        manager.add_password(None, bare, user, password, is_authenticated=True)
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
        request = urllib.request.Request(bare)
    else:
        opener = urllib.request.build_opener()
    with opener.open(request, timeout=60) as answer:
        return answer.read()


def wheel_tag():
    libc = ""
    if platform.system() == "Linux":
        libc = "glibc" if platform.libc_ver()[0] == "glibc" else "musl"
    return PLATFORMS.get((platform.system(), platform.machine(), libc))


def by_index():
    tag = wheel_tag()
    if tag is None:
        return False
    version, hashes = pinned()
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL") or "https://pypi.org/simple"
    page_url = index.rstrip("/") + "/uv/"
    page = fetch(page_url).decode("utf-8", "replace")
    for link in re.findall(r'href="([^"]+\.whl[^"]*)"', page):
        name = urllib.parse.unquote(link.split("#")[0].rsplit("/", 1)[-1])
        if name.startswith(f"uv-{version}-") and tag in name:
            data = fetch(urllib.parse.urljoin(page_url, link.replace("&amp;", "&").split("#")[0]))
            if hashlib.sha256(data).hexdigest() not in hashes:
                continue
            unpack(data)
            return True
    say(f"The package index has no uv {version} for this machine.")
    return False


def unpack(data):
    os.makedirs(FOLDER, exist_ok=True)
    with tempfile.TemporaryFile() as file:
        file.write(data)
        with zipfile.ZipFile(file) as wheel:
            for name in wheel.namelist():
                if name.endswith(".data/scripts/uv"):
                    target = os.path.join(FOLDER, "bin", "uv")
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                    with wheel.open(name) as source, open(target, "wb") as copy:
                        shutil.copyfileobj(source, copy)
                    os.chmod(target, 0o755)


def main():
    if sys.version_info < (3, 11):  # noqa: UP036 -- this file runs on whatever Python the machine has
        sys.exit(f"autorisen needs Python 3.11 or newer; this is {platform.python_version()}.")
    private = os.path.join(FOLDER, "bin", "uv")
    for program in (shutil.which("uv"), private):
        if program and works(program):
            print(program)
            return
    say("Fetching uv, the installer that reads the lock file ...")
    for way in (by_pip, by_venv, by_index):
        try:
            done = way()
        except OSError as error:  # Includes every network error of urllib.
            say(f"{way.__name__}: {error}")
            continue
        if done and works(private):
            print(private)
            return
    sys.exit(
        "uv could not be fetched. Check the network (HTTPS_PROXY, PIP_INDEX_URL), or install uv: "
        "https://docs.astral.sh/uv/ and run `make` again."
    )


if __name__ == "__main__":
    main()
