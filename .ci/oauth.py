#!/usr/bin/env python3
"""OAuth clients against Ringway and a stand-in for an authorization server: from a bare 401 to a tool's answer.

    oauth.py --ringway PROGRAM [--only WORDS]

The stand-in (RFC 8414 metadata, RFC 7591 registration, PKCE, ES256 tokens for the `resource` that was asked for) says yes to
everybody, on loopback; Ringway fetches its keys. The clients are the official SDKs' own (`clients/run.py run --oauth`).
"""

import argparse
import base64
import hashlib
import http.server
import json
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

HERE = Path(__file__).resolve().parent
SCOPE = "mcp:call"
START_TIME_MAX_S = 60
TOKEN_TIME_S = 600


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ringway", required=True, metavar="PROGRAM")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    stand_in = StandIn()
    threading.Thread(target=stand_in.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{free_port()}/mcp"
    words = [options.ringway, "serve", "--listen", urlsplit(url).netloc, "--admin-listen", "127.0.0.1:0"]
    for value in (f"auth.jwks_url={stand_in.issuer}/keys", f"auth.issuers={stand_in.issuer}", f"auth.audiences={url}",
                  f"auth.scopes={SCOPE}", "auth.jwks_refresh=1s"):
        words += ["--set", value]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_keys(url, stand_in)
        clients = [HERE / "clients/run.py", "run", "--url", url, "--oauth", "--only", options.only]
        status = subprocess.run(clients).returncode
    finally:
        server.terminate()
        server.wait(30)
    asked = ", ".join(f"{path} {count}" for path, count in sorted(stand_in.asked.items()))
    print(f"the stand-in was asked for {asked}")
    for wrong in stand_in.wrong:
        print(f"WRONG: {wrong}")
    return status or int(bool(stand_in.wrong))


def wait_for_keys(url, stand_in):
    """Until the server listens and has fetched the keys: it takes tokens of this issuer then."""
    shown = {"Authorization": f"Bearer {stand_in.token(url)}", "Accept": "application/json"}
    request = urllib.request.Request(url.removesuffix("/mcp") + "/tools", headers=shown)
    deadline = time.monotonic() + START_TIME_MAX_S
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(request, timeout=5).close()
            return
        except OSError as error:
            trouble = error
        time.sleep(0.1)
    sys.exit(f"oauth.py: the server takes no token of the stand-in: {trouble}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class StandIn(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.key, self.key_id = Key(), secrets.token_hex(4)
        self.clients, self.codes = {}, {}
        self.asked, self.wrong = {}, []

    def handle_error(self, *_):
        """Who goes away before it is answered asks again."""

    def metadata(self):
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "registration_endpoint": f"{self.issuer}/register",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": [SCOPE],
        }

    def token(self, audience, scope=SCOPE):
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": "somebody", "aud": audience, "iat": now, "exp": now + TOKEN_TIME_S,
                  "scope": scope, "client_id": "ringway-ci", "jti": secrets.token_hex(8)}
        header = {"alg": "ES256", "typ": "at+jwt", "kid": self.key_id}
        signed = ".".join(characters(json.dumps(part).encode()) for part in (header, claims))
        return f"{signed}.{characters(self.key.sign(signed.encode()))}"


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, query = self.note()
        if path == "/.well-known/oauth-authorization-server":
            self.answer(200, self.server.metadata())
        elif path == "/keys":
            x, y = (characters(number.to_bytes(32, "big")) for number in self.server.key.public)
            key = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.server.key_id, "x": x, "y": y}
            self.answer(200, {"keys": [key]})
        elif path == "/authorize":
            self.authorize(query)
        else:
            self.answer(404, {})

    def do_POST(self):
        path, _ = self.note()
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        if path == "/register":
            client = json.loads(body) | {"client_id": secrets.token_hex(8), "client_id_issued_at": int(time.time())}
            self.server.clients[client["client_id"]] = client
            self.answer(201, client)
        elif path == "/token":
            self.grant({name: values[0] for name, values in parse_qs(body).items()})
        else:
            self.answer(404, {})

    def authorize(self, query):
        client = self.server.clients.get(query.get("client_id"))
        self.hold(client and query.get("redirect_uri") in client["redirect_uris"], "an unknown client, or one sent elsewhere")
        self.hold(query.get("code_challenge_method") == "S256", "no PKCE")
        self.hold(query.get("resource"), "the resource is not named (RFC 8707)")
        self.hold(SCOPE in query.get("scope", "").split(), "the scope of the challenge is not asked for")
        code = secrets.token_hex(8)
        self.server.codes[code] = query
        back = {"code": code, **{name: query[name] for name in ("state",) if name in query}}
        self.send_response(302)
        self.send_header("Location", f"{query['redirect_uri']}?{urlencode(back)}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def grant(self, form):
        asked = self.server.codes.pop(form.get("code"), None)
        if asked is None:
            return self.answer(400, {"error": "invalid_grant"})
        challenge = characters(hashlib.sha256(form["code_verifier"].encode()).digest())
        self.hold(challenge == asked["code_challenge"], "another verifier than was promised")
        self.hold(form.get("resource") == asked.get("resource"), "a token for another resource than was agreed to")
        token = self.server.token(form["resource"], asked.get("scope", SCOPE))
        return self.answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_TIME_S,
                                 "scope": asked.get("scope", SCOPE)})

    def hold(self, is_right, wrong):
        if not is_right:
            self.server.wrong.append(f"{self.path.partition('?')[0]}: {wrong}")

    def note(self):
        url = urlsplit(self.path)
        self.server.asked[url.path] = self.server.asked.get(url.path, 0) + 1
        return url.path, {name: values[0] for name, values in parse_qs(url.query).items()}

    def answer(self, status, members):
        body = json.dumps(members).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Key:
    """ECDSA on P-256 (FIPS 186-4), for tokens of a test: neither fast nor safe from those who watch it work."""

    PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
    ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    BASE = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
            0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)

    def __init__(self):
        self.secret = 1 + secrets.randbelow(self.ORDER - 1)
        self.public = self.times(self.secret, self.BASE)

    def sign(self, data):
        digest = int.from_bytes(hashlib.sha256(data).digest(), "big")
        nonce = 1 + secrets.randbelow(self.ORDER - 1)
        r = self.times(nonce, self.BASE)[0] % self.ORDER
        s = pow(nonce, -1, self.ORDER) * (digest + r * self.secret) % self.ORDER
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def times(self, count, point):
        total = None
        while count:
            if count & 1:
                total = self.plus(total, point)
            point, count = self.plus(point, point), count >> 1
        return total

    def plus(self, one, other):
        if one is None or other is None:
            return one or other
        (x1, y1), (x2, y2) = one, other
        if x1 == x2 and (y1 + y2) % self.PRIME == 0:
            return None
        # The curve's first coefficient is -3.
        rise, run = (3 * x1 * x1 - 3, 2 * y1) if one == other else (y2 - y1, x2 - x1)
        slope = rise * pow(run, -1, self.PRIME) % self.PRIME
        x3 = (slope * slope - x1 - x2) % self.PRIME
        return x3, (slope * (x1 - x3) - y1) % self.PRIME


def characters(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


if __name__ == "__main__":
    sys.exit(main())
