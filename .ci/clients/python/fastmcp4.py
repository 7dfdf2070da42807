"""Usage: fastmcp4.py MODE http URL | fastmcp4.py MODE stdio COMMAND [ARG…]

MODE is `auto`, `legacy` or a revision, which is used without asking the server.
"""

from contextlib import asynccontextmanager

from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
from mcp import MCPError
from scenario import HEADERS, MODE, TARGET, TARGET_ARGS, TRANSPORT, run


class Session:
    def __init__(self, client):
        self.version = lambda: client.protocol_version
        self._client = client

    async def names(self):
        return [tool.name for tool in await self._client.list_tools()]

    async def call(self, tool, arguments):
        return await self._client.call_tool(tool, arguments, raise_on_error=False)


@asynccontextmanager
async def connect():
    if TRANSPORT == "http":
        server = StreamableHttpTransport(TARGET, headers=HEADERS) if HEADERS else TARGET
    else:
        # By default the server outlives the client's connection.
        server = StdioTransport(TARGET, TARGET_ARGS, keep_alive=False)
    async with Client(server, mode=MODE) as client:
        yield Session(client)


run(connect, MCPError)
