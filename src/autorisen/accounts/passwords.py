"""Password hashes: argon2id with t=2, m=19 MiB, p=1 (ASVS appendix C), two at a time.

One hash costs about 30 ms and 19 MiB; the pool of two keeps a burst of sign-ins from taking all cores and memory.
Nothing here may run inside a database transaction of a request: it would hold a connection while it waits its turn.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from autorisen.accounts.password_policy import MAX_BYTES

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_POOL = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")

# Verified when there is no such user, so that the answer takes the same time (ASVS V6.3.8). Of a password nobody has.
_NOBODY = _HASHER.hash(b"\x00" * 32)


@dataclass(frozen=True)
class HashedPassword:
    """A password that is already hashed, so that a verb need not do it inside its transaction."""

    encoded: str


async def hash_password(password: str) -> HashedPassword:
    """Hash the password exactly as typed."""
    loop = asyncio.get_running_loop()
    return HashedPassword(await loop.run_in_executor(_POOL, _HASHER.hash, _as_typed(password)))


async def verify_password(encoded: str | None, password: str) -> bool:
    """Whether the password is the one behind the hash. `None` (no such user) costs the same and is always False."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_POOL, _verify, encoded, password)


def needs_rehash(encoded: str) -> bool:
    """Whether the hash was made with older parameters than today's."""
    return _HASHER.check_needs_rehash(encoded)


def _verify(encoded: str | None, password: str) -> bool:
    typed = _as_typed(password)
    if len(typed) > MAX_BYTES:
        typed = b""  # never a valid password, and the work stays bounded
    try:
        _HASHER.verify(encoded or _NOBODY, typed)
    except (VerificationError, InvalidHashError):
        return False
    return encoded is not None


def _as_typed(password: str) -> bytes:
    # JSON can carry half a surrogate pair; it must be a wrong password, not an encoding error.
    return password.encode("utf-8", "surrogatepass")
