"""The Python SDK's client: shakes hands in each revision, lists the tools, searches, reads, is told what was wrong, and
what somebody types in `draft.py`.

usage: client.py stdio PROGRAM WORKSPACE | client.py http URL TOKEN
"""

import asyncio
import os
import sys
import time

import httpx2
import mcp_types as types
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client


DRAFT = "conexus://file/draft.py"


class Heard:
    """What the client is told outside of an answer."""

    def __init__(self):
        self.updates = asyncio.Queue()

    async def message(self, message):
        if isinstance(message, types.ResourceUpdatedNotification):
            self.updates.put_nowait(str(message.params.uri))


async def watch(client, heard, revision):
    """Subscribes, and reads what is not saved when it is told of a change; three times, so that it goes on."""

    async def read():
        contents = (await client.read_resource(DRAFT)).contents
        return int(contents[0].text.removeprefix("draft = "))

    if revision == "legacy":
        await client.subscribe_resource(DRAFT)
        before = await read()
        for _ in range(3):
            assert await asyncio.wait_for(heard.updates.get(), 60) == DRAFT
        await client.unsubscribe_resource(DRAFT)
    else:
        async with client.listen(resource_subscriptions=[DRAFT]) as changes:
            before = await read()
            for _ in range(3):
                assert (await asyncio.wait_for(anext(changes), 60)).uri == DRAFT
    # The text on disk says 0.
    assert 0 < before < await read()


async def use(transport, way, revision):
    heard = Heard()
    async with Client(transport, mode=revision, message_handler=heard.message) as client:
        listed = await client.list_tools()
        assert "context_search" in [tool.name for tool in listed.tools], listed

        async def call(name, **arguments):
            result = await client.call_tool(name, arguments)
            plain = result.model_dump(by_alias=True)
            return plain["structuredContent"], plain["isError"]

        deadline = time.monotonic() + 60
        while True:
            found, _ = await call("context_search", query="retry a request with growing pauses")
            if [hit["path"] for hit in found["hits"]][:1] == ["src/retry.py"]:
                break
            assert time.monotonic() < deadline, found
        read, _ = await call("context_read", file_path="src/retry.py")
        assert "def retry_request" in read["text"], read
        _, refused = await call("context_read", file_path="../outside")
        assert refused
        await watch(client, heard, revision)
    print(f"the Python SDK found the place and heard of unsaved edits over {way}, {revision}")


async def main():
    way, first, second = sys.argv[1:]
    for revision in ("legacy", "2026-07-28"):
        if way == "stdio":
            arguments = ["mcp", "--workspace", second]
            program = StdioServerParameters(command=first, args=arguments, env=dict(os.environ))
            await use(stdio_client(program), way, revision)
        else:
            async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {second}"}) as http:
                await use(streamable_http_client(first, http_client=http), way, revision)


asyncio.run(main())
