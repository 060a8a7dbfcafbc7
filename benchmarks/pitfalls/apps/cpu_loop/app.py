"""Suggestions for words that are misspelt."""

from itertools import product

from quart import Quart, request

app = Quart(__name__)
STARTS, MIDDLES, ENDS = "bcdfghlmprst", ("ar", "all", "onde", "ist", "uni"), ("", "s", "er", "ing")
WORDS = ["".join(parts) for parts in product(STARTS, MIDDLES, ENDS)]


def distance(one, other):
    """How many letters differ."""
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        before, row[0] = row[0], index
        for place, wanted in enumerate(other, 1):  # here
            cost = before + (letter != wanted)  # here
            before = row[place]  # here
            row[place] = min(cost, row[place] + 1, row[place - 1] + 1)  # here
    return row[-1]


@app.get("/suggest")
async def suggest():
    text = request.args.get("q", "a rather long phrase whose words are not spelt as they should be")
    ranked = sorted(WORDS, key=lambda word: distance(text, word))
    return {"suggestions": ranked[:5]}


@app.get("/words")
async def words():
    return {"count": len(WORDS)}
