"""Fetches a server's OpenAPI document into a file: fetch.py URL FILE."""

import sys
from pathlib import Path

import httpx

url, file = sys.argv[1:]
answer = httpx.get(f"{url}/openapi.json").raise_for_status()
assert answer.headers["content-type"] == "application/json", answer.headers
again = httpx.get(f"{url}/openapi.json", headers={"If-None-Match": answer.headers["etag"]})
assert again.status_code == 304 and not again.content, again
Path(file).write_bytes(answer.content)
