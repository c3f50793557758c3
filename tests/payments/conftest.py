"""The worker of these tests knows the work of payments only, so that no other room's handlers run beside it."""

from __future__ import annotations

import pytest

from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.payments import registry


@pytest.fixture
def worker(runtime: Runtime) -> Worker:
    return Worker(runtime, registry())
