"""What customers have ordered: a query for each order."""

from models import Order, database, fill
from quart import Blueprint, Quart

orders = Blueprint("orders", __name__)


@orders.get("/orders")
async def totals():
    found = {}
    with database.connection_context():  # here
        for order in Order.select():  # here
            found[order.id] = sum(line.cents for line in order.lines)  # here
    return found


app = Quart(__name__)
app.register_blueprint(orders, url_prefix="/api")
app.before_serving(fill)
