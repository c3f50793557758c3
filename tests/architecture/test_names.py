"""A file is named for what it does or owns; names that say nothing attract everything."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.architecture.conftest import Plant
from tests.architecture.source_tree import SourceTree

_SAY_NOTHING = frozenset(
    {"service", "services", "utils", "util", "helpers", "helper", "models", "common", "misc", "base", "core", "shared"}
    | {"manager", "managers", "handlers", "lib", "tools"}
)
_NUMBERED = re.compile(r"_v\d+$|_(new|old|tmp|temp|final|copy)$")


def nameless(tree: SourceTree) -> Iterator[str]:
    for module in tree.modules:
        for part in module.path.with_suffix("").parts:
            if part in _SAY_NOTHING or _NUMBERED.search(part):
                yield f"{module.path.as_posix()}: {part!r} says nothing; name it for the verb or noun it holds"


def test_files_are_named_for_what_they_hold(source: SourceTree) -> None:
    assert list(nameless(source)) == []


@pytest.mark.parametrize(
    "name",
    ["billing/service.py", "billing/utils.py", "billing/common.py", "billing/invoice_v2.py", "billing/store_old.py"],
)
def test_a_name_that_says_nothing_is_seen(plant: Plant, name: str) -> None:
    assert len(list(nameless(plant({name: ""})))) == 1
