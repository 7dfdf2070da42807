"""The FastMCP peer: an MCP server with one tool, `echo`. uvicorn serves `app`; the script `start` says how."""

from fastmcp import FastMCP

mcp = FastMCP("echo")


# `async`, or each call would go through a pool of threads. Without an output schema the answer holds the text once, as
# those of the other peers do, and not a second time as structured content.
@mcp.tool(output_schema=None)
async def echo(text: str) -> str:
    """Answers with the text it was given."""
    return text


# No session to look up, and one JSON body in place of a stream with one event.
app = mcp.http_app(path="/mcp", stateless_http=True, json_response=True)
