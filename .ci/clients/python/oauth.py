"""A user of OAuth who agrees at once, for the SDKs' own OAuth clients.

The SDK finds the authorization server, registers and asks for tokens; what it leaves to
an application is here: to remember, and to bring the browser's answer back.
"""

import asyncio
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlsplit

from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthClientMetadata

REDIRECT = "http://127.0.0.1:1/callback"


class Memory:
    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def provider(url, is_pair=False):
    """`is_pair`: SDK v1 takes code and state, v2 a type of its own."""
    answers = []

    def browse(page):
        try:
            urllib.request.build_opener(Stay).open(page, timeout=10)
        except urllib.error.HTTPError as error:
            assert error.code == 302, error
            return parse_qs(urlsplit(error.headers["Location"]).query)
        raise AssertionError("the authorization server does not send the browser back")

    async def redirect(page):
        answers.append(await asyncio.to_thread(browse, page))

    async def callback():
        answer = {name: values[0] for name, values in answers.pop().items()}
        if is_pair:
            return answer["code"], answer.get("state")
        from mcp.shared.auth import AuthorizationCodeResult

        return AuthorizationCodeResult(**answer)

    metadata = OAuthClientMetadata(
        client_name="ringway-ci",
        redirect_uris=[REDIRECT],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        token_endpoint_auth_method="none",
    )
    return OAuthClientProvider(url, metadata, Memory(), redirect, callback)
