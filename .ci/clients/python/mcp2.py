"""Usage: mcp2.py MODE http URL | mcp2.py MODE stdio COMMAND [ARG…]

MODE is `auto`, `legacy` or a revision, which is used without asking the server.
"""

from contextlib import asynccontextmanager

from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from oauth import provider
from scenario import HEADERS, MODE, TARGET, TARGET_ARGS, TRANSPORT, WANTS_OAUTH, run


class Session:
    def __init__(self, client):
        self.call = client.call_tool
        self.version = lambda: client.protocol_version
        self._client = client

    async def names(self):
        return [tool.name for tool in (await self._client.list_tools()).tools]


@asynccontextmanager
async def connect():
    if TRANSPORT == "http" and (HEADERS or WANTS_OAUTH):
        auth = provider(TARGET) if WANTS_OAUTH else None
        http_client = create_mcp_http_client(headers=HEADERS, auth=auth)
        server = streamable_http_client(TARGET, http_client=http_client)
    elif TRANSPORT == "http":
        server = TARGET
    else:
        server = StdioServerParameters(command=TARGET, args=TARGET_ARGS)
    async with Client(server, mode=MODE) as client:
        yield Session(client)


run(connect, MCPError)
