"""The desk of a running reader: whoever may command it, by whatever way, is served here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edgeface.adapters.clock import SystemClock
from edgeface.service.bootstrap import Loaded, Station
from edgeface.service.clerk import Clerk
from edgeface.service.desk import Desk
from edgeface.service.live import LiveReader
from edgeface.service.settings import Config
from edgeface.store.database import Database


@contextmanager
def serving(station: Station, config: Config, loaded: Loaded, database: Database) -> Iterator[Desk]:
    """Answer commands until the block ends; gives the desk at which they are carried out."""
    live = LiveReader(
        reader=station.reader,
        guard=station.guard,
        journal=station.journal,
        database=database,
        config=config,
        loaded=loaded,
        announce=station.announce_info,
    )
    clock = SystemClock()
    desk = Desk(config=config, database=database, loaded=lambda: loaded, now=clock.now, by="reader", live=live)
    if station.requests is None:
        yield desk
        return
    station.requests.serve(Clerk(desk))
    try:
        yield desk
    finally:
        station.requests.stop()
