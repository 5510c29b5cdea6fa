"""Answers calls for a client written in Python: runs in the client's own environment, one JSON object a line.

    python_peer.py URL MODULE[:CALL_TOOL]

The client is an MCP server: it is called by its `call_tool(name, arguments)`, or, without that, the functions of the
module are its tools. Whatever it sends to HeyGen's hosts goes to the sandbox at URL instead; other hosts are an error.
"""

import asyncio
import importlib
import json
import sys
from operator import attrgetter

import httpx

HOSTS = {"api.heygen.com", "upload.heygen.com"}


def redirect(sandbox):
    send = httpx.AsyncHTTPTransport.handle_async_request

    async def to_sandbox(self, request):
        if request.url.host not in HOSTS or request.url.scheme != "https":
            raise RuntimeError(f"the client calls {request.url}, which is no host of HeyGen")
        request.url = request.url.copy_with(scheme=sandbox.scheme, host=sandbox.host, port=sandbox.port)
        request.headers["Host"] = sandbox.netloc.decode()
        return await send(self, request)

    httpx.AsyncHTTPTransport.handle_async_request = to_sandbox


def tools_of(target):
    module, _, name = target.partition(":")
    found = importlib.import_module(module)
    if not name:
        return lambda tool, arguments: getattr(found, tool)(**arguments)
    return attrgetter(name)(found)


def decoded(result):
    if hasattr(result, "model_dump"):
        return result.model_dump(mode="json")
    blocks = result[0] if isinstance(result, tuple) else result
    return json.loads(blocks[0].text)


async def answer(call_tool, line):
    asked = json.loads(line)
    try:
        return {"result": decoded(await call_tool(asked["call"], asked["arguments"]))}
    except Exception as error:
        return {"failure": f"{type(error).__name__}: {error}"}


async def serve(call_tool):
    while line := await asyncio.to_thread(sys.stdin.readline):
        sys.stdout.write(json.dumps(await answer(call_tool, line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    redirect(httpx.URL(sys.argv[1]))
    asyncio.run(serve(tools_of(sys.argv[2])))
