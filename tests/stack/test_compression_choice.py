"""Compression: the client's weights decide."""

import gzip
import sys
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from brickwork.stack import _compression
from brickwork.stack._compression import choose_coding
from tests.stack.compressed import START, TEXT, body, exchange, header, scope, whole

zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


@pytest.mark.promise("stack-35")
@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, None),
        ("", None),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip;q=0", None),
        ("gzip; q=0.000", None),
        ("gzip;q=0.001", "gzip"),
        ("gzip ; Q = 1.000", "gzip"),
        ("deflate, br", None),
        ("deflate, gzip;q=0.5, br;q=1.0", "gzip"),
        ("*", "gzip"),
        ("*;q=0", None),
        ("*;q=0, gzip", "gzip"),
        ("gzip;q=0, *", None),
        ("identity", None),
        ("identity, gzip", "gzip"),
        ("identity;q=1, gzip;q=0.5", None),
        ("identity;q=0.5, gzip;q=0.6", "gzip"),
        ("identity;q=0", None),
        ("gzip;q=0.5, *;q=1", None),
        ("gzip;q=2", None),
        ("gzip;q=-1", None),
        ("gzip;q=yes", None),
        ("gzip;q=0.1234", None),
        ("notgzip", None),
        ("gzip" + "," * 300, None),
    ],
)
async def test_the_client_decides(accepted: str | None, coding: str | None) -> None:
    """Weights, zero, `identity` and `*` mean what RFC 9110 says; a weight that is none is no consent."""
    sent = await exchange(whole(), scope(accepted))

    encoding = header(sent, b"content-encoding")
    assert encoding == (coding.encode() if coding else None)
    assert (gzip.decompress(body(sent)) if coding else body(sent)) == TEXT


@pytest.mark.promise("stack-35")
async def test_several_headers_are_one_list() -> None:
    """A proxy may have split the list."""
    request = scope(None)
    request["headers"] = [(b"accept-encoding", b"br"), (b"accept-encoding", b"gzip")]

    sent = await exchange(whole(), request)

    assert header(sent, b"content-encoding") == b"gzip"


@pytest.mark.promise("stack-35")
@given(st.binary(max_size=60))
def test_no_header_is_too_odd(accepted: bytes) -> None:
    """Any bytes give a choice, and one that was offered."""
    chosen = choose_coding(accepted, offered=(b"zstd", b"gzip"))

    assert chosen in {b"zstd", b"gzip", None}


@pytest.mark.promise("stack-35")
async def test_zstd_is_preferred_where_the_interpreter_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.14 compresses with zstd too; its backport stands in for it here."""
    monkeypatch.setattr(_compression, "_ZSTD", zstd)
    streamed: list[Message] = [
        START,
        {"type": "http.response.body", "body": TEXT, "more_body": True},
        {"type": "http.response.body", "body": TEXT},
    ]

    best = await exchange(streamed, scope("gzip, zstd"))
    other = await exchange(whole(), scope("gzip, zstd;q=0.5"))

    assert header(best, b"content-encoding") == b"zstd"
    assert zstd.decompress(body(best)) == TEXT * 2
    first = zstd.ZstdDecompressor().decompress(best[1]["body"])
    assert first == TEXT
    assert header(other, b"content-encoding") == b"gzip"
