"""The project's state in one word, and what the machine interface says of it."""

from __future__ import annotations

import httpx
import pytest

from autorisen.kit.unit import Runtime
from autorisen.projectplan import load_plan, project_status, status_of
from tests.factories.accounts import make_user, sign_in
from tests.projectplan.test_load import CURRENT


@pytest.mark.parametrize(
    "states, value",
    [
        ([], "Not set"),
        (["planned", "planned"], "planned"),
        (["done", "done"], "done"),
        (["done", "deferred"], "done"),
        (["deferred"], "deferred"),
        (["done", "planned"], "in_progress"),
        (["in_progress", "blocked"], "in_progress"),
        (["planned", "blocked"], "blocked"),
    ],
)
def test_the_value_is_never_empty(states: list[str], value: str) -> None:
    rows = [f"A-{number},x,docs,{state},P0,,,,\n" for number, state in enumerate(states, start=1)]
    status = status_of(load_plan(CURRENT + "".join(rows)))
    assert (status.value, status.total) == (value, len(states))


def test_what_is_stuck_or_under_way_comes_first() -> None:
    states = ["done", "planned", "in_progress", "blocked", "deferred"]
    rows = [f"A-{number},x,docs,{state},P{number % 2},,,,\n" for number, state in enumerate(states * 8)]
    shown = status_of(load_plan(CURRENT + "".join(rows))).projects
    assert len(shown) == 25
    assert [task.status for task in shown[:17]] == ["blocked"] * 8 + ["in_progress"] * 8 + ["planned"]
    assert [task.id for task in shown[:2]] == ["A-8", "A-18"]


def test_our_project_has_a_status() -> None:
    status = project_status()
    assert status.value
    assert status.total >= 38
    assert len(status.projects) == 25


async def test_a_visitor_is_asked_to_sign_in(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/projects/status")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_person_sees_the_state_and_never_null(client: httpx.AsyncClient, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await make_user(unit)
    await sign_in(client, runtime)
    answer = await client.get("/api/projects/status")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"value", "total", "projects"}
    assert body["value"] in {"planned", "in_progress", "blocked", "done", "deferred"}
    assert body["total"] >= len(body["projects"]) == 25
    assert all(set(task) == {"id", "title", "status", "created_at"} for task in body["projects"])
    assert all(None not in task.values() for task in body["projects"])
