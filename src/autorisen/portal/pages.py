"""All routes of the portal, for the composition root."""

from __future__ import annotations

from fastapi import APIRouter

from autorisen.portal.api_reference import router as api_reference_router
from autorisen.portal.dashboard import router as dashboard_router
from autorisen.portal.landing import router as landing_router
from autorisen.portal.upgrade import router as upgrade_router
from autorisen.portal.usage import router as usage_router

router = APIRouter()
router.include_router(landing_router)
router.include_router(dashboard_router)
router.include_router(usage_router)
router.include_router(api_reference_router)
router.include_router(upgrade_router)
