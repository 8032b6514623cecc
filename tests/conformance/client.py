"""The Python SDK's client: shakes hands in each revision, lists the tools, searches, reads, and is told what was wrong.

usage: client.py stdio PROGRAM WORKSPACE | client.py http URL TOKEN
"""

import asyncio
import os
import sys
import time

import httpx2
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client


async def use(transport, way, revision):
    async with Client(transport, mode=revision) as client:
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
    print(f"the Python SDK found the place over {way}, {revision}")


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
