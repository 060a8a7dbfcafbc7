"""Orders and their lines."""

import tempfile
from pathlib import Path

from peewee import CharField, ForeignKeyField, IntegerField, Model, SqliteDatabase

database = SqliteDatabase(Path(tempfile.gettempdir(), "pitfalls-orders.sqlite"), check_same_thread=False)


class Order(Model):
    """What a customer has ordered at once."""

    customer = CharField()

    class Meta:
        database = database


class Line(Model):
    """One item of an order."""

    order = ForeignKeyField(Order, backref="lines")
    cents = IntegerField()

    class Meta:
        database = database


def fill():
    """Fill the tables, unless they are full."""
    with database.connection_context(), database.atomic():
        database.create_tables([Order, Line])
        if not Order.select().exists():
            for number in range(150):
                order = Order.create(customer=f"customer {number % 7}")
                Line.insert_many({"order": order, "cents": cents} for cents in range(5)).execute()
