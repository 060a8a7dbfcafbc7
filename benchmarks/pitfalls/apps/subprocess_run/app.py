"""Backups, compressed by another program."""

import subprocess

from quart import Quart, Response

app = Quart(__name__)
NOTES = b"".join(b"note %d: remember the milk\n" % (number * 7919 % 10_007) for number in range(40_000))


def compress(data):
    """Compress as well as gzip can."""
    return subprocess.run(["gzip", "-9"], input=data, capture_output=True, check=True).stdout  # here


@app.get("/backup")
async def backup():
    return Response(compress(NOTES), mimetype="application/gzip")


@app.get("/size")
async def size():
    return {"size_bytes": len(NOTES)}
