"""The web's composition root: routers, middleware, and how a broken rule becomes an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autorisen.accounts import api as accounts_api
from autorisen.accounts import pages as accounts_pages
from autorisen.billing import api as billing_api
from autorisen.billing import hosted_page
from autorisen.billing import pages as billing_pages
from autorisen.billing.addons import api as addons_api
from autorisen.billing.addons import pages as addon_pages
from autorisen.billing.closing import api as closing_api
from autorisen.billing.coupons import api as coupons_api
from autorisen.billing.coupons import pages as coupon_pages
from autorisen.billing.credit_notes import api as credit_notes_api
from autorisen.billing.deferred import api as deferred_api
from autorisen.billing.dunning import api as dunning_api
from autorisen.billing.explanation import api as explain_api
from autorisen.billing.explanation import pages as explain_pages
from autorisen.billing.export import api as export_api
from autorisen.billing.lifecycle import api as lifecycle_api
from autorisen.billing.lifecycle import pages as lifecycle_pages
from autorisen.billing.migration import api as migration_api
from autorisen.billing.revenue import api as revenue_api
from autorisen.billing.wallet import api as wallet_api
from autorisen.billing.wallet import pages as wallet_pages
from autorisen.billing.what_if import api as what_if_api
from autorisen.catalog import api as catalog_api
from autorisen.console import pages as console_pages
from autorisen.console import timeline_api
from autorisen.kit.http import Forms, JsonBodies, RequestContext, refuse_nul, refuse_unknown_query, validation_problem
from autorisen.kit.openapi import complete
from autorisen.kit.problems import NotFound, Problem
from autorisen.kit.sandbox_clock import keep_in_step
from autorisen.kit.unit import Runtime
from autorisen.kit.web_security import BodyLimit, SameOrigin, SecurityHeaders
from autorisen.ledger import api as ledger_api
from autorisen.ledger.statements import api as statements_api
from autorisen.ledger.statements import pages as statements_pages
from autorisen.metering import api as metering_api
from autorisen.metering.compat.lago import api as lago_api
from autorisen.metering.compat.lago import translate as lago
from autorisen.metering.compat.model import Answer
from autorisen.metering.compat.openmeter import api as openmeter_api
from autorisen.metering.compat.openmeter import translate as openmeter
from autorisen.metering.compat.otlp import answer as otlp
from autorisen.metering.compat.otlp import api as otlp_api
from autorisen.metering.compat.polar import api as polar_api
from autorisen.metering.compat.polar import translate as polar
from autorisen.metering.compat.send_answer import send_answer
from autorisen.metering.compat.stripe import api as stripe_api
from autorisen.metering.compat.stripe import translate as stripe
from autorisen.metering.control_totals import api as control_totals_api
from autorisen.metering.corrections import api as corrections_api
from autorisen.metering.desk import pages as event_pages
from autorisen.metering.repairs import api as repairs_api
from autorisen.ops import api as ops_api
from autorisen.payments import api as payments_api
from autorisen.payments.sandbox import pages as sandbox_pages
from autorisen.portal import pages as portal_pages
from autorisen.projectplan import api as projectplan_api
from autorisen.subscriptions import api as subscriptions_api
from autorisen.subscriptions.holds import api as holds_api
from autorisen.ui import render_problem, static_router
from autorisen.worker import registry

log = structlog.get_logger(__name__)

# Machine interfaces first, pages after; each capability brings its own.
API_ROUTERS: tuple[APIRouter, ...] = (
    metering_api.router,  # first, because routes are tried in order and events are what comes most
    control_totals_api.router,
    corrections_api.router,
    repairs_api.router,
    ops_api.router,
    accounts_api.router,
    billing_api.router,
    closing_api.router,
    deferred_api.router,
    dunning_api.router,
    explain_api.router,
    export_api.router,
    revenue_api.router,
    wallet_api.router,
    what_if_api.router,
    coupons_api.router,
    addons_api.router,
    migration_api.router,
    credit_notes_api.router,
    lifecycle_api.router,
    catalog_api.router,
    ledger_api.router,
    statements_api.router,
    payments_api.router,
    projectplan_api.router,
    subscriptions_api.router,
    holds_api.router,
    timeline_api.router,
)
PAGE_ROUTERS: tuple[APIRouter, ...] = (
    accounts_pages.router,
    console_pages.router,
    event_pages.router,
    portal_pages.router,
    static_router,
    billing_pages.router,
    explain_pages.router,
    hosted_page.router,
    export_api.pages,
    wallet_pages.router,
    coupon_pages.router,
    lifecycle_pages.router,
    addon_pages.router,
    statements_pages.router,
    sandbox_pages.router,
)

# Others' wire formats. They stay out of the OpenAPI document, which describes our contracts and our problems; and each
# judges its own query, because not all of theirs can be declared.
FOREIGN_ROUTERS: tuple[APIRouter, ...] = (
    openmeter_api.router,
    lago_api.router,
    polar_api.router,
    stripe_api.router,
    otlp_api.router,
)

# Under these addresses every problem is said in the words of whose clients call them.
FOREIGN_WORDS: dict[str, Callable[[Problem, str | None], Answer]] = {
    openmeter.PREFIX: openmeter.refusal,
    lago.PREFIX: lago.refusal,
    polar.PREFIX: polar.refusal,
    stripe.PREFIX: stripe.refusal,
    otlp.PREFIX: otlp.refusal,
}

# Paths that read their raw bytes themselves: signed webhooks and event ingestion.
RAW_BODIES = ("/api/events", "/api/payment/webhook", "/api/payments/webhooks/")

# Paths that other servers call: a signature stands in for the same-origin check. Exactly these.
SIGNED_BODIES = ("/api/payment/webhook", "/api/payments/webhooks/")

# Bytes; everything else takes `web_security.BODY_BYTES_MAX`.
LARGER_BODIES = dict.fromkeys(("/api/events", "/api/events/corrections", "/compat/", "/v1/traces"), 8 * 1024 * 1024)

_MACHINE_PREFIXES = ("/api/", "/v1/", "/compat/", "/alive", "/services/", "/metrics")


def create_app(runtime: Runtime) -> FastAPI:
    """The whole web application on one runtime."""
    app = FastAPI(
        title="autorisen",
        description="Sell AI agents and AI workloads, from sign-up to paid invoice, metered to the cent.",
        version="1",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        # Operation ids become the names of functions in generated clients.
        generate_unique_id_function=lambda route: route.name,
    )
    equip(app, runtime)
    for router in API_ROUTERS:
        app.include_router(router, dependencies=[Depends(refuse_nul), Depends(refuse_unknown_query)])
    for router in (*FOREIGN_ROUTERS, *PAGE_ROUTERS):
        app.include_router(router, include_in_schema=False)
    app.openapi = partial(_openapi, app)  # type: ignore[method-assign]  # FastAPI's own way to extend the document
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_exception)
    # The last one added is the outermost.
    app.add_middleware(JsonBodies, exempt=RAW_BODIES)
    app.add_middleware(Forms)
    app.add_middleware(SameOrigin, exempt=SIGNED_BODIES)
    app.add_middleware(BodyLimit, larger=LARGER_BODIES)
    app.add_middleware(_Problems)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestContext)
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = complete(FastAPI.openapi(app))
    return app.openapi_schema


def equip(app: FastAPI, runtime: Runtime) -> None:
    """Give the app its runtime, and forget what it kept for another one. Tests do so: routes take long to build."""
    app.state = State()
    app.state.runtime = runtime
    app.state.registry = registry()


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    runtime: Runtime = app.state.runtime
    await runtime.database.open()
    in_step = asyncio.create_task(keep_in_step(runtime))
    try:
        yield
    finally:
        in_step.cancel()
        with suppress(asyncio.CancelledError):
            await in_step
        await runtime.database.close()


class _Problems:
    """Answers for problems that middleware raises, and for surprises: never a bare 500, never a stack trace."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if started or scope["type"] != "http":
                raise
            problem = error if isinstance(error, Problem) else Problem("it is logged under the request id")
            if not isinstance(error, Problem):
                log.exception("http.surprise", path=scope["path"])
            await answer(Request(scope), problem)(scope, receive, send)


def answer(request: Request, problem: Problem) -> Response:
    """A problem document for machines, in their words for foreign clients; for people a page that says what to do."""
    for prefix, words in FOREIGN_WORDS.items():
        if request.url.path.startswith(prefix):
            said = words(problem, getattr(request.state, "request_id", None))
            return send_answer(replace(said, headers={**problem.headers, **said.headers}))
    if request.url.path.startswith(_MACHINE_PREFIXES) or "text/html" not in request.headers.get("accept", ""):
        document = problem.document(instance=getattr(request.state, "request_id", None))
        return JSONResponse(document, problem.status, headers=problem.headers, media_type="application/problem+json")
    return render_problem(request, problem)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem), "registered for problems only"
    return answer(request, error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError), "registered for validation errors only"
    return answer(request, validation_problem(list(error.errors())))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "registered for Starlette's own only"
    if error.status_code == 404:
        return answer(request, NotFound("there is nothing at this address"))
    problem = Problem(str(error.detail), headers=error.headers)
    problem.status, problem.code = error.status_code, f"http_{error.status_code}"  # type: ignore[misc]  # this one only
    problem.title = str(error.detail)  # type: ignore[misc]  # this one only
    return answer(request, problem)
