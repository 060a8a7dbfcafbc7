"""The baseline of each plan: whatever the request, it responds at once."""

from flask import Flask

app = Flask(__name__)


@app.route("/", methods=["GET", "POST"], defaults={"path": ""})
@app.route("/<path:path>", methods=["GET", "POST"])
def respond(path: str) -> dict[str, str]:
    """Respond."""
    return {"path": path}
