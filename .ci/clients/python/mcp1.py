"""Usage: mcp1.py legacy http|ws|sse URL | mcp1.py legacy stdio COMMAND [ARG…]

The last SDK that has clients for a WebSocket and for the older HTTP+SSE pair.
"""

from contextlib import asynccontextmanager

from mcp import ClientSession, McpError, StdioServerParameters, stdio_client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.client.websocket import websocket_client
from mcp.shared._httpx_utils import create_mcp_http_client
from oauth import provider
from scenario import HEADERS, TARGET, TARGET_ARGS, TRANSPORT, WANTS_OAUTH, run


class Session:
    def __init__(self, session, initialized):
        self.call = session.call_tool
        self.version = lambda: initialized.protocolVersion
        self._session = session

    async def names(self):
        return [tool.name for tool in (await self._session.list_tools()).tools]


@asynccontextmanager
async def connect():
    auth = provider(TARGET, is_pair=True) if WANTS_OAUTH else None
    if TRANSPORT == "http":
        http_client = create_mcp_http_client(headers=HEADERS, auth=auth)
        transport = streamable_http_client(TARGET, http_client=http_client)
    elif TRANSPORT == "sse":
        transport = sse_client(TARGET, headers=HEADERS, auth=auth)
    elif TRANSPORT == "ws":
        # It has no way to show anything.
        transport = websocket_client(TARGET)
    else:
        transport = stdio_client(StdioServerParameters(command=TARGET, args=TARGET_ARGS))
    async with transport as (read, write, *_), ClientSession(read, write) as session:
        yield Session(session, await session.initialize())


run(connect, McpError)
