"""All routes of the portal, for the composition root."""

from __future__ import annotations

from fastapi import APIRouter

from autorisen.portal.landing import router as landing_router

router = APIRouter()
router.include_router(landing_router)
