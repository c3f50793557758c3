"""Health, version and metrics: for load balancers, monitors and people."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel

from autorisen.kit.http import RuntimeDep
from autorisen.kit.problems import Unavailable
from autorisen.ops.health import Component, State, components, is_database_up, overall
from autorisen.ops.metrics import CONTENT_TYPE, metrics_text
from autorisen.ops.release import Release, release

router = APIRouter(tags=["operations"])


class Alive(BaseModel):
    """The process answers; says nothing about its database."""

    status: str = "alive"


class Health(BaseModel):
    """The installation can serve: its database answers."""

    status: str = "ok"
    database: str = "up"
    version: str
    environment: str


class ServicesHealth(BaseModel):
    """Every part with its state; `status` is the worst of them."""

    status: State
    components: list[Component]


class DatabaseDown(Unavailable):
    """The database does not answer, so nothing that matters works."""

    code, title = "database_down", "The database does not answer"


@router.get("/alive")
async def alive() -> Alive:
    """Is the process alive? Never asks the database."""
    return Alive()


@router.get("/api/health")
async def health(runtime: RuntimeDep) -> Health:
    """Can it serve? 503 within two seconds when the database does not answer."""
    if not await is_database_up(runtime):
        raise DatabaseDown("try again in a moment")
    built = release(runtime.settings)
    return Health(version=built.version, environment=built.environment)


@router.get("/services/health")
async def services_health(runtime: RuntimeDep, response: Response) -> ServicesHealth:
    """How is every part? 503 when one of them is down; degraded parts answer 200."""
    parts = await components(runtime)
    status = overall(parts)
    if status is State.DOWN:
        response.status_code = 503
    return ServicesHealth(status=status, components=parts)


@router.get("/api/version")
async def version(runtime: RuntimeDep) -> Release:
    """Which release is running."""
    return release(runtime.settings)


@router.get("/metrics", response_class=Response)
async def metrics(runtime: RuntimeDep) -> Response:
    """Prometheus text."""
    return Response(await metrics_text(runtime), media_type=CONTENT_TYPE)
