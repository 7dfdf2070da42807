"""Calls every tool by the client that was generated from the document: calls.py URL FILE.

A tool's arguments are the smallest that its schema allows, but for those of ARGUMENTS. Every answer must be read into
the type that the document gives it.
"""

import importlib
import json
import pkgutil
import re
import sys
import typing
from datetime import datetime
from pathlib import Path

import generated.api.tools
import hypothesis
import schemathesis
from generated import Client
from generated.types import Unset

ARGUMENTS = {"echo": {"text": "gęślą 'jaźń' \\n é 日本語 🎉\t\u2028"}}


def main():
    url, file = sys.argv[1:]
    document = json.loads(Path(file).read_text())
    modules = {path_of(module): module for module in generated_modules()}
    assert modules.keys() == document["paths"].keys(), modules.keys() ^ document["paths"].keys()
    schema = schemathesis.openapi.from_dict(document)
    client = Client(base_url=url)
    for path, module in modules.items():
        name = document["paths"][path]["post"]["operationId"]
        arguments = ARGUMENTS.get(name) or smallest(schema[path]["POST"])
        answer = module.sync_detailed(client=client, body=model(module).from_dict(arguments))
        assert answer.status_code == 200, (name, answer)
        result = answer.parsed
        assert isinstance(result.is_error, bool), (name, result)
        if "outputSchema" in shown(client, path) and not result.is_error:
            structured = json.loads(answer.content)["structuredContent"]
            assert same(result.structured_content.to_dict(), structured), (name, result)
        if name == "echo":
            assert result.content[0].text == arguments["text"], result
        print(f"{name}: {'an error of its own' if result.is_error else 'good'}")
    wrong = client.get_httpx_client().post("/tools/echo", json={"text": 1})
    assert wrong.status_code == 422 and "expected a string" in wrong.json()["error"]["message"], wrong.text


def same(one, other):
    """Whether two JSON values are, where a moment may be written in two ways."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or (isinstance(one, str) and isinstance(other, str) and moment(one) is not None and moment(one) == moment(other))


def moment(text):
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None


def generated_modules():
    for found in pkgutil.iter_modules(generated.api.tools.__path__):
        yield importlib.import_module(f"generated.api.tools.{found.name}")


def path_of(module):
    return re.search(r'"url": "([^"]+)"', Path(module.__file__).read_text())[1]


def model(module):
    """The type of the arguments."""
    body = typing.get_type_hints(module.sync_detailed)["body"]
    return next(kind for kind in typing.get_args(body) or [body] if kind is not Unset)


def smallest(operation):
    return hypothesis.find(operation.as_strategy(), lambda case: isinstance(case.body, dict)).body


def shown(client, path):
    return client.get_httpx_client().get(path).raise_for_status().json()


main()
