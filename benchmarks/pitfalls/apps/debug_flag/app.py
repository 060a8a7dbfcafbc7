"""A service that was left in debug mode."""

from quart import Quart

app = Quart(__name__)
app.config.update(TEMPLATES_AUTO_RELOAD=False, DEBUG=True)  # here


@app.get("/notes/<int:number>")
async def note(number):
    return {"note": f"note {number}"}


@app.errorhandler(404)
async def missing(_error):
    return {"error": "no such page"}, 404
