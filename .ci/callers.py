#!/usr/bin/env python3
"""Credentials of callers, and the configuration of a server that knows them by these: what the suites with callers share.

    callers.py FOLDER --ringway PROGRAM [--corpus FOLDER]

Writes to FOLDER `ringway.yaml`, and what callers may show, each as the header that shows it: `token`, `key`, `key-as-bearer`.
With a corpus the server has the keys of its `jwt_keys.json`, and otherwise a secret that is made here. It starts nothing.
"""

import argparse
import base64
import hashlib
import hmac
import json
import secrets
import subprocess
import sys
import time
from pathlib import Path

ISSUER = "https://issuer.test"
AUDIENCE = "https://mcp.test/mcp"
SECRET_ID = "hs1"
# Who the corpus' good tokens are for: a session that one of them began is the others' too.
SUBJECT = "agent-1"
# Longer than any run of the suites.
TOKEN_TIME_S = 6 * 3600

# RFC 7518 section 6: how a public key's type is told apart, by the object identifier of its algorithm.
RSA, ELLIPTIC, ED25519 = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1", "1.3.101.112"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ringway", required=True, metavar="PROGRAM")
    parser.add_argument("--corpus", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    keys = json.loads((options.corpus / "jwt_keys.json").read_text()) if options.corpus else {}
    secret = keys["hs1"]["secret_utf8"] if keys else secrets.token_urlsafe(48)
    # Its own file: what a configuration says aloud, others may read.
    private(folder / "secret", secret)
    if keys:
        (folder / "jwks.json").write_text(json.dumps({"keys": public_keys(keys)}, indent=1))
    key = new_key(options.ringway, folder / "keys.json")
    private(folder / "token", f"Authorization: Bearer {token(secret)}")
    private(folder / "key", f"X-API-Key: {key}")
    private(folder / "key-as-bearer", f"Authorization: Bearer {key}")
    lines = [
        "auth:",
        f"  jwt_key_id: {SECRET_ID}",
        f"  issuers: [{ISSUER}]",
        f"  audiences: [{AUDIENCE}]",
        f"  keys_file: {folder / 'keys.json'}",
        *([f"  jwks_file: {folder / 'jwks.json'}"] if keys else []),
    ]
    (folder / "ringway.yaml").write_text("\n".join(lines) + "\n")
    return 0


def private(path, text):
    path.touch(mode=0o600)
    path.write_text(text)


def new_key(ringway, file):
    file.unlink(missing_ok=True)
    words = [ringway, "keys", "create", "--file", str(file), "--name", "suites", "-o", "json"]
    return json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)["key"]


def token(secret, **claims):
    """A token that is good for a while, or as `claims` say."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "iat": now, "exp": now + TOKEN_TIME_S, **claims}
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': SECRET_ID})}.{part(claims)}"
    return f"{signed}.{characters(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def part(members):
    return characters(json.dumps(members).encode())


def characters(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# ---- Public keys, from PEM to JWK ------------------------------------------------


def public_keys(keys):
    """Those of the corpus that its verifier knows; the rogue ones are nobody's."""
    jwks = []
    for name in ("rs1", "es1", "ed1", "ps1"):
        pem = keys[name].get("public_pem") or keys[keys[name]["same_key_as"]]["public_pem"]
        der = base64.b64decode("".join(pem.strip().splitlines()[1:-1]))
        jwks.append({"kid": name, "alg": keys[name]["alg"], "use": "sig", **public_key(der)})
    return jwks


def public_key(der):
    """A SubjectPublicKeyInfo (RFC 5280 section 4.1)."""
    (algorithm, key), = (list(elements(body)) for _, body in elements(der))
    names = list(elements(algorithm[1]))
    kind = object_id(names[0][1])
    # The first octet of a bit string counts the bits that it leaves out.
    bits = key[1][1:]
    if kind == RSA:
        (_, numbers), = elements(bits)
        modulus, exponent = (characters(number.lstrip(b"\0")) for _, number in elements(numbers))
        return {"kty": "RSA", "n": modulus, "e": exponent}
    if kind == ELLIPTIC:
        point = bits[1:]
        half = len(point) // 2
        return {"kty": "EC", "crv": "P-256", "x": characters(point[:half]), "y": characters(point[half:])}
    if kind == ED25519:
        return {"kty": "OKP", "crv": "Ed25519", "x": characters(bits)}
    sys.exit(f"callers.py: a public key of a kind that is not known here: {kind}")


def elements(data):
    """Tags and contents of what stands beside each other in DER."""
    while data:
        tag, length, at = data[0], data[1], 2
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(data[2:2 + count], "big"), 2 + count
        yield tag, data[at:at + length]
        data = data[at + length:]


def object_id(data):
    numbers, value = [data[0] // 40, data[0] % 40], 0
    for byte in data[1:]:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    return ".".join(map(str, numbers))


if __name__ == "__main__":
    sys.exit(main())
