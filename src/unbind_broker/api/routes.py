"""Every router of the API, in the order of the document."""

from fastapi import APIRouter

ROUTERS: tuple[APIRouter, ...] = ()
