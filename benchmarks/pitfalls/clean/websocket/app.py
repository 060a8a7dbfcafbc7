"""A chat beside pages."""

from quart import Quart, websocket

app = Quart(__name__)
clients = set()


@app.websocket("/chat")
async def chat():
    clients.add(websocket._get_current_object())
    try:
        while True:
            message = await websocket.receive()
            await websocket.send(message)
    finally:
        clients.discard(websocket._get_current_object())


@app.get("/chat")
async def page():
    return {"connected": len(clients)}
