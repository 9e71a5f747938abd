"""A network camera of one's own: RTSP (RFC 2326) over TCP, JPEG in RTP (RFC 2435), as little of them as FFmpeg takes.

It stands in for no library: whoever reads from it speaks the protocol of real cameras, over a real socket.
"""

from __future__ import annotations

import itertools
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import cv2

from edgeface.frame import Pixels

_PACKET = 1400
_CLOCK_HZ = 90_000
_AHEAD_S = 10.0
"""Where a stream's time begins, so that it is never below zero."""
_JPEG = 26
"""RTP's payload type."""


class RtspCamera:
    """Serves whatever `take` gives, `fps` times a second, to everybody who asks, until it is closed."""

    def __init__(
        self, take: Callable[[], Pixels | None], fps: float, port: int = 0, age_s: Callable[[], float] = lambda: 0.0
    ) -> None:
        """`take` gives uint8 (height, width, 3) RGB, both sides a multiple of 16; None: nothing is sent. `age_s`: how
        old it is, as the stream's own times tell."""
        self._take, self._fps, self._age_s = take, fps, age_s
        self._server = socket.create_server(("127.0.0.1", port), reuse_port=True)
        self.port = int(self._server.getsockname()[1])
        self._closed = threading.Event()
        self._links: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name="rtsp")]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/door"

    def close(self) -> None:
        """As if its plug were pulled: the port is closed, and every connection."""
        self._closed.set()
        for link in (self._server, *self._links):
            _hang_up(link)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._server.accept()
            except OSError:
                return
            self._links.append(link)
            thread = threading.Thread(target=self._serve, args=(link,), name="rtsp link")
            self._threads.append(thread)
            thread.start()

    def _serve(self, link: socket.socket) -> None:
        film: threading.Thread | None = None
        with link, link.makefile("rb") as lines:
            while request := _request(lines):
                method, number = request
                try:
                    link.sendall(self._answer(method, number))
                except OSError:
                    break
                if method == "PLAY" and film is None:
                    film = threading.Thread(target=self._film, args=(link,), name="rtsp film")
                    film.start()
                if method == "TEARDOWN":
                    break
            _hang_up(link)
        if film is not None:
            film.join()

    def _answer(self, method: str, number: str) -> bytes:
        more, body = "", ""
        if method == "OPTIONS":
            more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n"
        if method == "DESCRIBE":
            body = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=door\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\n"
            body += "c=IN IP4 0.0.0.0\r\na=control:track\r\n"
            more = f"Content-Base: {self.url}/\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        if method == "SETUP":
            more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        return f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\nSession: 1;timeout=60\r\n{more}\r\n{body}".encode()

    def _film(self, link: socket.socket) -> None:
        sequence, began = itertools.count(), time.monotonic()
        for count in itertools.count():
            pause_s = began + count / self._fps - time.monotonic()
            if self._closed.wait(max(0.0, pause_s)):
                return
            pixels = self._take()
            if pixels is None:
                continue
            stamp = round((_AHEAD_S + time.monotonic() - began - self._age_s()) * _CLOCK_HZ) & 0xFFFFFFFF
            try:
                link.sendall(b"".join(packets(pixels, stamp, sequence)))
            except OSError:
                return


def packets(pixels: Pixels, stamp: int, sequence: itertools.count[int]) -> list[bytes]:
    """One picture in RTP packets, framed for RTSP's own connection (RFC 2326, 10.12)."""
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    tables, scan = _parts(jpeg.tobytes())
    height, width = pixels.shape[:2]
    framed = []
    for offset in range(0, len(scan), _PACKET):
        part = scan[offset : offset + _PACKET]
        head = struct.pack("!B3sBBBB", 0, offset.to_bytes(3, "big"), 1, 255, width // 8, height // 8)
        if offset == 0:
            head += struct.pack("!BBH", 0, 0, len(tables)) + tables
        last = offset + _PACKET >= len(scan)
        rtp = struct.pack("!BBHII", 0x80, _JPEG | (0x80 if last else 0), next(sequence) & 0xFFFF, stamp, 1)
        packet = rtp + head + part
        framed.append(struct.pack("!cBH", b"$", 0, len(packet)) + packet)
    return framed


def _parts(jpeg: bytes) -> tuple[bytes, bytes]:
    """The quantization tables of a baseline JPEG, and its entropy-coded scan."""
    tables, place = b"", 2
    while True:
        marker, length = jpeg[place + 1], int.from_bytes(jpeg[place + 2 : place + 4], "big")
        body = jpeg[place + 4 : place + 2 + length]
        if marker == 0xDB:
            while body:
                tables, body = tables + body[1:65], body[65:]
        if marker == 0xDA:
            return tables, jpeg[place + 2 + length : -2]
        place += 2 + length


def _request(lines: object) -> tuple[str, str] | None:
    """Method and number of the next request; None once the client has gone. What it sends between them is skipped."""
    method, number = "", ""
    try:
        for raw in lines:  # type: ignore[attr-defined]
            if raw.startswith(b"$"):
                continue
            line = raw.decode("latin-1").strip()
            if not line and method:
                return method, number
            if found := re.match(r"([A-Z_]+) \S+ RTSP/1\.0", line):
                method = found[1]
            elif line.lower().startswith("cseq:"):
                number = line.partition(":")[2].strip()
    except OSError:
        pass
    return None


def _hang_up(link: socket.socket) -> None:
    with suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
    link.close()
