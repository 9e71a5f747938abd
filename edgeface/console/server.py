"""Serves the console: one process, one port, until it is told to stop."""

from __future__ import annotations

import uvicorn

from edgeface.console.app import Console, application
from edgeface.console.certificate import Identity

MOST_AT_ONCE = 64
"""Requests; more are told to come again. A few people with a few pages each."""


def server(console: Console, identity: Identity | None) -> uvicorn.Server:
    """Ready to `run`; with TLS unless the options say otherwise."""
    options = console.options
    config = uvicorn.Config(
        application(console),
        host=options.address,
        port=options.port,
        ssl_certfile=None if identity is None else str(identity.certificate),
        ssl_keyfile=None if identity is None else str(identity.private_key),
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_level="warning",
        access_log=False,  # addresses of pages hold ids of people
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_AT_ONCE,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)
