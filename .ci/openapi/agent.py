"""Loads the document as an agent's tools, with FastMCP, and calls one: agent.py URL FILE."""

import asyncio
import json
import sys
from pathlib import Path

import fastmcp
import httpx


async def main():
    url, file = sys.argv[1:]
    document = json.loads(Path(file).read_text())
    async with httpx.AsyncClient(base_url=url) as http:
        agent = fastmcp.FastMCP.from_openapi(document, client=http)
        async with fastmcp.Client(agent) as client:
            names = {tool.name for tool in await client.list_tools()}
            wanted = {path["post"]["operationId"] for path in document["paths"].values()}
            assert names == wanted, names ^ wanted
            result = await client.call_tool("echo", {"text": "gęślą 🎉"})
            assert result.structured_content["content"][0]["text"] == "gęślą 🎉", result


asyncio.run(main())
