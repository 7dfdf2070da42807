"""Usage: websocket.py legacy|2026-07-28 ws URL

No SDK speaks 2026-07-28 on a WebSocket, so this is one by hand, on the library that
most Python clients have under them. Progress and cancellation are tried where the
server has the conformance suites' tool for them.
"""

import asyncio
import itertools
import json

from scenario import HEADERS, MODE, TARGET, TEXT
from websockets.asyncio.client import connect

LEGACY = "2025-11-25"
SLOW_TOOL = "test_tool_with_progress"
# What reaches a client late, or should not at all, has long come by then.
QUIET_SECONDS = 0.5


class Client:
    """Numbers requests, and gives each its answer in whatever order they come."""

    def __init__(self, socket):
        self.heard = []
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting = {}

    async def read(self):
        async for text in self._socket:
            message = json.loads(text)
            if "method" in message:
                self.heard.append(message)
            else:
                self._waiting.pop(message["id"]).set_result(message)

    async def begin(self, method, params):
        """Sends a request; gives its id and the future of its answer."""
        number = next(self._ids)
        if MODE != "legacy":
            meta = params.setdefault("_meta", {})
            meta["io.modelcontextprotocol/protocolVersion"] = MODE
            meta["io.modelcontextprotocol/clientCapabilities"] = {}
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._send(id=number, method=method, params=params)
        return number, answer

    async def notify(self, method, **params):
        await self._send(method=method, params=params)

    async def result(self, method, **params):
        _, answer = await self.begin(method, params)
        message = await answer
        assert "result" in message, message
        return message["result"]

    async def _send(self, **message):
        await self._socket.send(json.dumps({"jsonrpc": "2.0", **message}))


async def main():
    async with asyncio.timeout(30), connect(
        TARGET, subprotocols=["mcp"], additional_headers=HEADERS
    ) as socket:
        assert socket.subprotocol == "mcp", socket.subprotocol
        client = Client(socket)
        reading = asyncio.create_task(client.read())
        await begin(client)
        tools = (await client.result("tools/list"))["tools"]
        names = [tool["name"] for tool in tools]
        if "echo" in names:
            await echo(client)
        if SLOW_TOOL in names:
            await progress(client)
            await cancel(client)
        # The library pings too, to see that its server lives.
        await (await socket.ping(b"there?"))
        assert not reading.done()
    await reading
    assert socket.close_code == 1000, socket.close_code


async def begin(client):
    if MODE != "legacy":
        discovered = await client.result("server/discover")
        assert MODE in discovered["supportedVersions"], discovered
        return
    agreed = await client.result(
        "initialize",
        protocolVersion=LEGACY,
        capabilities={},
        clientInfo={"name": "ringway-ci-websockets", "version": "0"},
    )
    assert agreed["protocolVersion"] == LEGACY, agreed
    await client.notify("notifications/initialized")


async def echo(client):
    # All at once: the answers find their requests by id.
    texts = [TEXT, *map(str, range(50)), "x" * 200_000]
    calls = [client.result("tools/call", name="echo", arguments={"text": text}) for text in texts]
    results = await asyncio.gather(*calls)
    assert [result["content"][0]["text"] for result in results] == texts


async def progress(client):
    meta = {"progressToken": "p"}
    result = await client.result("tools/call", name=SLOW_TOOL, arguments={}, _meta=meta)
    assert not result.get("isError"), result
    reports = [message["params"] for message in client.heard]
    assert [report["progress"] for report in reports] == [0, 50, 100], reports
    assert {report["progressToken"] for report in reports} == {"p"}, reports
    client.heard.clear()


async def cancel(client):
    meta = {"progressToken": "c"}
    params = {"name": SLOW_TOOL, "arguments": {}, "_meta": meta}
    number, answer = await client.begin("tools/call", params)
    while not client.heard:
        await asyncio.sleep(0.005)
    await client.notify("notifications/cancelled", requestId=number)
    await client.result("tools/list")
    heard = len(client.heard)
    await asyncio.sleep(QUIET_SECONDS)
    assert len(client.heard) == heard, client.heard
    assert not answer.done(), answer.result()


asyncio.run(main())
