"""What people use instead: the floors, the packages as their documentation shows them, and what guides teach.

Each package is imported where it is used, so that the tests can run the rest without it.
"""

import logging
import time
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .measure import Case
from .shop import access

ORIGIN = "https://app.example"

CORRELATION = ("asgi_correlation_id",)
SECURE = ("secure",)
METRICS = ("prometheus_fastapi_instrumentator",)
CONTEXT = ("starlette_context",)
PROBLEM = ("fastapi_problem",)


# --- floors


class Passing:
    """Does nothing but call the app."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class PassingMessages:
    """Does nothing but hand on each message: the least that a middleware which touches responses can cost."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            await send(message)

        await self.app(scope, receive, send_on)


class PassingResponses(BaseHTTPMiddleware):
    """Does nothing, in the class that guides use."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Hand on request and response."""
        return await call_next(request)


def nothing(app: FastAPI) -> None:
    """Leave the app bare."""


BARE = Case("FastAPI alone", nothing, "floor")
WRAPPER = Case("empty ASGI middleware", lambda app: app.add_middleware(Passing), "floor")
SEND_WRAPPER = Case("empty ASGI middleware with a send", lambda app: app.add_middleware(PassingMessages), "floor")
BASE_HTTP = Case("empty BaseHTTPMiddleware", lambda app: app.add_middleware(PassingResponses), "peer")


# --- one at a time


class AccessLog:
    """An access log as people write it by hand in pure ASGI: one line with method, path, status and duration."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500

        async def send_and_look(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_look)
        finally:
            duration = (time.perf_counter() - begun) * 1000
            access.info("%s %s %d %.1f ms", scope["method"], scope["path"], status, duration)


def add_correlation_id(app: FastAPI) -> None:
    """Put asgi-correlation-id around the app."""
    from asgi_correlation_id import CorrelationIdMiddleware

    logging.getLogger("asgi_correlation_id").propagate = False
    app.add_middleware(CorrelationIdMiddleware)


def add_context(app: FastAPI) -> None:
    """Put starlette-context around the app, with its request-ID plugin."""
    from starlette_context.middleware import RawContextMiddleware
    from starlette_context.plugins import RequestIdPlugin

    app.add_middleware(RawContextMiddleware, plugins=(RequestIdPlugin(),))


def add_secure(app: FastAPI) -> None:
    """Put secure around the app, as its ASGI middleware."""
    from secure import Secure
    from secure.middleware import SecureASGIMiddleware

    app.add_middleware(SecureASGIMiddleware, secure=Secure.with_default_headers())


def add_metrics(app: FastAPI) -> None:
    """Put prometheus-fastapi-instrumentator around the app, with a registry of its own."""
    from prometheus_fastapi_instrumentator import Instrumentator
    from prometheus_fastapi_instrumentator.instrumentation import CollectorRegistry

    Instrumentator(registry=CollectorRegistry()).instrument(app)


def add_cors(app: FastAPI) -> None:
    """Put Starlette's CORS around the app."""
    app.add_middleware(CORSMiddleware, allow_origins=[ORIGIN], allow_methods=["*"], allow_headers=["*"])


def add_gzip(app: FastAPI) -> None:
    """Put Starlette's compression around the app."""
    app.add_middleware(GZipMiddleware)


def add_access_log(app: FastAPI) -> None:
    """Put the hand-written access log around the app."""
    app.add_middleware(AccessLog)


def add_problem(app: FastAPI) -> None:
    """Give the app fastapi-problem's handlers."""
    from fastapi_problem.handler import add_exception_handler, new_exception_handler

    add_exception_handler(app, new_exception_handler())


def add_handlers(app: FastAPI) -> None:
    """Give the app the least that a handler can do: a fixed document with the right status."""

    async def answer(_request: Request, error: Exception) -> JSONResponse:
        status = 422 if isinstance(error, RequestValidationError) else getattr(error, "status_code", 500)
        return JSONResponse({"type": "about:blank", "status": status}, status, media_type="application/problem+json")

    for kind in (HTTPException, RequestValidationError, Exception):
        app.exception_handler(kind)(answer)


CORRELATION_ID = Case("asgi-correlation-id", add_correlation_id, "peer", CORRELATION)
STARLETTE_CONTEXT = Case("starlette-context", add_context, "peer", CONTEXT)
SECURE_HEADERS = Case("secure", add_secure, "peer", SECURE)
INSTRUMENTATOR = Case("prometheus-fastapi-instrumentator", add_metrics, "peer", METRICS)
CORS = Case("Starlette's CORSMiddleware", add_cors, "peer")
GZIP = Case("Starlette's GZipMiddleware", add_gzip, "peer")
ACCESS_LOG = Case("access log by hand, pure ASGI", add_access_log, "peer")
FASTAPI_PROBLEM = Case("fastapi-problem", add_problem, "peer", PROBLEM)
HANDLERS = Case("the least that handlers can do", add_handlers, "floor")


# --- together


def add_four(app: FastAPI) -> None:
    """Put the packages around the app that do what our stack does."""
    for add in (add_cors, add_secure, add_access_log, add_correlation_id):
        add(app)


def add_six(app: FastAPI) -> None:
    """Put all six around the app."""
    for add in (add_gzip, add_cors, add_secure, add_metrics, add_access_log, add_correlation_id):
        add(app)


FOUR = Case("four peers: ID, log, headers, CORS", add_four, "peer", CORRELATION + SECURE)
SIX = Case("six peers: and metrics, gzip", add_six, "peer", CORRELATION + SECURE + METRICS)


# --- as guides teach it


async def _request_id(request: Request, call_next: RequestResponseEndpoint) -> Response:
    request.state.request_id = request.headers.get("x-request-id") or str(uuid4())
    response = await call_next(request)
    response.headers["X-Request-ID"] = request.state.request_id
    return response


async def _process_time(request: Request, call_next: RequestResponseEndpoint) -> Response:
    begun = time.perf_counter()
    response = await call_next(request)
    response.headers["X-Process-Time"] = f"{time.perf_counter() - begun:.6f}"
    return response


async def _security_headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
    response = await call_next(request)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Content-Security-Policy"] = "default-src 'self'"
    response.headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    return response


async def _access_log(request: Request, call_next: RequestResponseEndpoint) -> Response:
    begun = time.perf_counter()
    response = await call_next(request)
    duration = (time.perf_counter() - begun) * 1000
    access.info("%s %s %d %.1f ms", request.method, request.url.path, response.status_code, duration)
    return response


def add_tutorial(app: FastAPI) -> None:
    """Put the same around the app, as ``@app.middleware("http")`` functions."""
    add_gzip(app)
    add_cors(app)
    for function in (_security_headers, _process_time, _access_log, _request_id):
        app.middleware("http")(function)


TUTORIAL = Case("tutorial style: 4 functions, CORS, gzip", add_tutorial, "peer")
TUTORIAL_ID = Case("tutorial style", lambda app: app.middleware("http")(_request_id), "peer")
TUTORIAL_HEADERS = Case("tutorial style", lambda app: app.middleware("http")(_security_headers), "peer")
TUTORIAL_LOG = Case("tutorial style", lambda app: app.middleware("http")(_access_log), "peer")
