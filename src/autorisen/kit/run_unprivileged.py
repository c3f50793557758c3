"""Become an unprivileged account, then exec a command. Run as a file: `python -I -S run_unprivileged.py ...`.

PostgreSQL refuses to run as root. A separate process does the switch because running Python code between fork and
exec is not safe in a parent that has threads. Only the standard library is used: the file must run without the
project's environment.

Arguments: uid gid traverse(0|1) parent_pid command... ; uid `-` keeps the present account.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_GET_SECUREBITS = 27
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Sets(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def _check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def _permitted(libc: ctypes.CDLL) -> int:
    sets = (_Sets * 2)()
    _check(libc.capget(ctypes.byref(_Header(CAPABILITY_VERSION_3, 0)), sets), "capget")
    return int(sets[0].permitted)


def _keep_traversal(libc: ctypes.CDLL, capability: int) -> None:
    """Keep one capability over the coming exec, so that folders with mode 0700 above our files can be passed."""
    bit = 1 << capability
    sets = (_Sets * 2)(_Sets(bit, bit, bit), _Sets(0, 0, 0))
    _check(libc.capset(ctypes.byref(_Header(CAPABILITY_VERSION_3, 0)), sets), "capset")
    _check(
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0),
        "prctl ambient",
    )


def _switch(uid: int, gid: int, libc: ctypes.CDLL | None) -> None:
    capability = None
    if libc is not None:
        # Containers commonly withhold the read-only capability but grant the wider one.
        permitted = _permitted(libc)
        choices = (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE)
        capability = next((c for c in choices if permitted & (1 << c)), None)
        _check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl keepcaps")
        # Without it access(2), with which initdb looks for its own program, ignores the capability. It needs
        # CAP_SETPCAP; where that is withheld the rest still works for programs in open folders.
        libc.prctl(PR_SET_SECUREBITS, libc.prctl(PR_GET_SECUREBITS) | SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if libc is not None and capability is not None:
        _keep_traversal(libc, capability)


def main(arguments: list[str]) -> None:
    """Switch the account and replace this process by the command."""
    uid, gid, traverse, parent, *command = arguments
    linux = sys.platform == "linux"
    libc = ctypes.CDLL(None, use_errno=True) if linux else None
    if uid != "-":
        _switch(int(uid), int(gid), libc if traverse == "1" else None)
    if libc is not None and parent != "-":
        # After the switch: the kernel forgets this setting when the account changes.
        _check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0), "prctl pdeathsig")
        if os.getppid() != int(parent):
            sys.exit("the parent process has ended")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
