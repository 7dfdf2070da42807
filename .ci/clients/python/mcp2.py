"""Usage: mcp2.py MODE http URL | mcp2.py MODE stdio COMMAND [ARG…]

MODE is `auto`, `legacy` or a revision, which is used without asking the server.
"""

from contextlib import asynccontextmanager

from mcp import Client, MCPError, StdioServerParameters
from scenario import MODE, TARGET, TARGET_ARGS, TRANSPORT, run


class Session:
    def __init__(self, client):
        self.call = client.call_tool
        self.version = lambda: client.protocol_version
        self._client = client

    async def names(self):
        return [tool.name for tool in (await self._client.list_tools()).tools]


@asynccontextmanager
async def connect():
    if TRANSPORT == "http":
        server = TARGET
    else:
        server = StdioServerParameters(command=TARGET, args=TARGET_ARGS)
    async with Client(server, mode=MODE) as client:
        yield Session(client)


run(connect, MCPError)
