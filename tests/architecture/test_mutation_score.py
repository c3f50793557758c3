"""The mutation score: counted without flattery, over modules that are there and pure."""

from __future__ import annotations

import ast
import tomllib
from itertools import pairwise

import pytest

from scripts.mutation import by_function, function_of, lines_of, scores, whole
from tests.architecture.source_tree import REPOSITORY

MONEY = "autorisen.kit.money"
CONFIG = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]


def codes(*found: int | None, function: str = "x_plain") -> dict[str, int | None]:
    """Mutants of one function, with how each ended."""
    return {f"{MONEY}.{function}__mutmut_{number}": code for number, code in enumerate(found, start=1)}


@pytest.mark.parametrize(
    "code, killed", [(1, 1), (3, 1), (-24, 1), (36, 1), (0, 0), (33, 0), (5, 0), (-9, 0), (-11, 0)]
)
def test_only_a_test_that_fails_or_never_ends_kills(code: int, killed: int) -> None:
    [score] = scores({"kit/money.py": codes(code)})
    assert (score.killed, score.all, len(score.survivors)) == (killed, 1, 1 - killed)


@pytest.mark.parametrize("code", [None, 2])
def test_what_was_not_tried_is_no_score(code: int | None) -> None:
    with pytest.raises(ValueError, match=r"1 mutants of kit/money\.py were not tried"):
        scores({"kit/money.py": codes(1, code)})


def test_the_floor_is_held_exactly() -> None:
    [at, below] = scores({"a.py": codes(*[1] * 85, *[0] * 15), "b.py": codes(*[1] * 849, *[0] * 151)})
    assert (at.percent, at.holds) == (85.0, True)
    assert (below.percent, below.holds) == (84.9, False)
    assert (whole([at, below]).killed, whole([at, below]).all) == (934, 1_100)
    assert scores({"nothing.py": {}}) == []


def test_the_table_and_what_survived() -> None:
    found = scores({"kit/money.py": {**codes(0, 1, 0), **codes(33, function="xǁMoneyǁparse")}})
    assert by_function(found[0]) == {"plain": 2, "Money.parse": 1}
    assert [" ".join(line.split()) for line in lines_of(found)] == [
        "kit/money.py 1 of 4 25.0 %",
        "all 1 of 4 25.0 %",
        "kit/money.py: plain (2 survived)",
        "kit/money.py: Money.parse (1 survived)",
    ]
    with pytest.raises(ValueError, match="is no name of a mutant"):
        function_of("autorisen.kit.money.plain")


def test_the_money_modules_are_there_and_pure() -> None:
    modules = CONFIG["only_mutate"]
    assert len(set(modules)) == len(modules) >= 30
    for module in modules:
        tree = ast.parse((REPOSITORY / module).read_text(encoding="utf-8"))
        assert not any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(tree)), f"{module} loads or writes"


def test_what_is_left_out_of_the_run_is_there() -> None:
    arguments = CONFIG["pytest_add_cli_args"]
    left_out = [each for before, each in pairwise(arguments) if before in ("--deselect", "--ignore")]
    assert len(left_out) == 4
    for test in left_out:
        path, _, name = test.partition("::")
        assert f"def {name}" in (REPOSITORY / path).read_text(encoding="utf-8"), test
