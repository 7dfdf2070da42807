"""What every Python client does, whichever SDK it is made with."""

import asyncio
import logging
import os
import sys
import time

MODE, TRANSPORT, TARGET, *TARGET_ARGS = sys.argv[1:]
TEXT = os.environ["RINGWAY_ECHO_TEXT"]
# What the client shows, as fields of its requests.
HEADERS = dict(
    line.split(": ", 1) for line in os.environ.get("RINGWAY_HEADER", "").splitlines()
)
WANTS_OAUTH = "RINGWAY_OAUTH" in os.environ


def run(connect, protocol_error):
    """Runs the scenario.

    `connect` gives an asynchronous context manager of a session; a session has
    `version()`, `await names()` and `await call(tool, arguments)`.
    `protocol_error` is what the SDK raises for a JSON-RPC error.
    """
    if "RINGWAY_VERBOSE" in os.environ:
        # SDK v2 has a general error for every status; its HTTP library says which one it was.
        logging.basicConfig(level=logging.INFO)
    asyncio.run(_run(connect, protocol_error))


async def _run(connect, protocol_error):
    async with connect() as session:
        await _steps(session, protocol_error)
        start = time.monotonic()
    # A stdio server has two seconds to leave after its input has ended, then the
    # SDKs send it SIGTERM: a slow end is a server that ignored the end of input.
    took = time.monotonic() - start
    assert took < 1.9, f"disconnecting took {took} s"


async def _steps(session, protocol_error):
    # Without this check a failed probe would pass unseen: `auto` falls back.
    expected = "2025-11-25" if MODE == "legacy" else "2026-07-28"
    assert session.version() == expected, session.version()

    names = await session.names()
    assert "echo" in names, names

    await _echo(session)
    if "get_resource_usage" in names:
        usage = await session.call("get_resource_usage", {})
        structured = _field(usage, "structured_content", "structuredContent")
        assert isinstance(structured, dict), usage
    # An error of the protocol or of the tool will do, a broken connection not.
    try:
        result = await session.call("no_such_tool", {})
        assert _is_error(result), result
    except protocol_error as error:
        assert -32700 <= error.error.code <= -32600, error
    await _echo(session)


async def _echo(session):
    result = await session.call("echo", {"text": TEXT})
    assert not _is_error(result), result
    assert [block.text for block in result.content] == [TEXT], result


def _is_error(result):
    return _field(result, "is_error", "isError")


def _field(result, *spellings):
    return next(getattr(result, name) for name in spellings if hasattr(result, name))
