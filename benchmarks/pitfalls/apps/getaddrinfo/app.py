"""Webhooks: whether their hosts are ones of our own network."""

import ipaddress
import socket

from quart import Quart

app = Quart(__name__)
HOSTS = ["localhost"] * 150  # of the webhooks that users have registered


def is_internal(host):
    """Whether a host lies in our own network."""
    addresses = {found[4][0] for found in socket.getaddrinfo(host, "https")}  # here
    return any(ipaddress.ip_address(address).is_private for address in addresses)


@app.get("/webhooks/check")
async def check():
    return {"internal": sum(is_internal(host) for host in HOSTS)}


@app.get("/webhooks")
async def webhooks():
    return {"count": len(HOSTS)}
