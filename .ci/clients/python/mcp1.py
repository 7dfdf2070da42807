"""Usage: mcp1.py legacy http|ws|sse URL | mcp1.py legacy stdio COMMAND [ARG…]

The last SDK that has clients for a WebSocket and for the older HTTP+SSE pair.
"""

from contextlib import asynccontextmanager

from mcp import ClientSession, McpError, StdioServerParameters, stdio_client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.client.websocket import websocket_client
from scenario import TARGET, TARGET_ARGS, TRANSPORT, run


class Session:
    def __init__(self, session, initialized):
        self.call = session.call_tool
        self.version = lambda: initialized.protocolVersion
        self._session = session

    async def names(self):
        return [tool.name for tool in (await self._session.list_tools()).tools]


@asynccontextmanager
async def connect():
    over_network = {"http": streamable_http_client, "ws": websocket_client, "sse": sse_client}
    if TRANSPORT in over_network:
        transport = over_network[TRANSPORT](TARGET)
    else:
        transport = stdio_client(StdioServerParameters(command=TARGET, args=TARGET_ARGS))
    async with transport as (read, write, *_), ClientSession(read, write) as session:
        yield Session(session, await session.initialize())


run(connect, McpError)
