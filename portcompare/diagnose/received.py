"""What users receive one after the other, and which words in it are the marks of one of them."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from portcompare.diagnose.users import User, Words, show_word, words_of
from portcompare.errors import MeasurementError
from portcompare.http.responses import Response
from portcompare.http.sending import Sender

_NUMBER: Final = re.compile(r" |^\d+$")  # A short word stands with the one before it

Key = tuple[str, int]  # A request's label, and the place of the user who sent it
Marks = Mapping[str, Mapping[str, int]]  # By label and word: the place of the user whose word it is


def _before(word: str) -> str:
    """What a short word stands with; empty for a long one."""
    return word.rpartition(" ")[0]


@dataclass(slots=True, kw_only=True)
class Received:
    """What the users received one after the other, and what was found."""

    users: list[User] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)  # Of the requests that are compared
    alone: defaultdict[Key, list[Words]] = field(default_factory=lambda: defaultdict(list))
    # While all were logged in: of each two in a row the second, before which no other user sent anything
    later: defaultdict[Key, list[Words]] = field(default_factory=lambda: defaultdict(list))
    seen: defaultdict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))  # All words of both
    statuses: defaultdict[Key, set[int | None]] = field(default_factory=lambda: defaultdict(set))
    leaks: Counter[str] = field(default_factory=Counter)  # Responses, by label
    sent: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # User, other, and text
    notes: list[str] = field(default_factory=list)

    async def fetch(self, sender: Sender, label: str, place: int) -> Response:
        """Send a request while nobody else does."""
        response = await sender.send(self.users[place].filled(label))
        sender.close()  # the next connection may go to another worker
        self.seen[label, place] |= words_of(response)
        self.statuses[label, place].add(response.status)
        return response

    async def send_each(self, sender: Sender, place: int, labels: Iterable[str]) -> dict[str, Words]:
        """Send each of a user's requests; one without a response is not compared any more."""
        found = {}
        for label in [each for each in labels if each in self.users[place].requests]:
            try:
                found[label] = words_of(await self.fetch(sender, label, place))
            except MeasurementError as error:
                sender.close()
                self.labels.remove(label)
                self.notes.append(f"{label} was not compared: {error}")
        return found

    async def send_in_rounds(self, sender: Sender) -> None:
        """Send the requests of all users who are logged in, of one after the other, each twice in a row.

        What shows the latest visitor shows another one the first time, when what makes it so comes last.
        """
        places = [*range(len(self.users))]
        for place in (*places, *reversed(places)):
            await self.send_each(sender, place, reversed(self.labels))
            for label, words in (await self.send_each(sender, place, self.labels)).items():
                self.later[label, place].append(words)

    def add_leak(self, label: str, place: int, other: int, response: Response, word: str) -> None:
        """Count a response that holds what is another user's."""
        self.leaks[label] += 1
        if label not in self.examples:
            text = show_word(response, word, {secret for user in self.users for secret in user.secrets})
            self.examples[label] = self.users[place].name, self.users[other].name, text

    def always(self, label: str, place: int) -> Words:
        """The words that each response to a user held."""
        received = [*self.alone[label, place], *self.later[label, place]]
        return frozenset.intersection(*received) if received else frozenset()

    def find_marks(self) -> Marks:
        """The words that each response to a user holds, and no response to another."""
        places = range(len(self.users))
        marks: dict[str, dict[str, int]] = {}
        for label in self.labels:
            marks[label] = {}
            for place in places:
                own = self.always(label, place)
                others = [each for each in places if each != place]
                foreign = set().union(
                    *(self.seen[label, each] | self.users[each].session_words for each in others)
                )
                marks[label] |= dict.fromkeys((own | self.users[place].session_words) - foreign, place)
        return marks


@dataclass(slots=True, kw_only=True)
class Judge:
    """Judges responses to users who all send at once."""

    received: Received
    marks: Marks
    own: dict[Key, Words] = field(init=False)
    numbers: dict[Key, Words] = field(init=False)  # A user's marks that are left out of its own
    # By label, user, the marks of others that a response held, and those of its own that it lacked
    suspects: defaultdict[tuple[str, int, Words, Words], list[Response]] = field(init=False)
    strange: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.suspects = defaultdict(list)
        self.own, self.numbers = {}, {}
        for label in self.marks:
            for place, user in enumerate(self.received.users):
                self._find_own(label, place, user)

    def _find_own(self, label: str, place: int, user: User) -> None:
        """A user's marks, but for those of its session, which need not stand in its responses.

        Numbers are left out where there are others: they count things, too. Of a user without marks it is all
        that the user always receives.
        """
        every = frozenset(word for word, owner in self.marks[label].items() if owner == place)
        every -= user.session_words
        words = frozenset(word for word in every if not _NUMBER.search(word))
        self.own[label, place] = words or every or self.received.always(label, place)
        self.numbers[label, place] = every - self.own[label, place]

    def judge(self, label: str, place: int, response: Response) -> None:
        """Judge a response: a leak holds a mark of another user in place of one of its own.

        A number of another stands in place of one's own if both follow the same word.
        """
        words, marks, own = words_of(response), self.marks[label], self.own[label, place]
        self.received.sent[label] += 1
        foreign = frozenset(word for word in words & marks.keys() if marks[word] != place)
        lost = own - words
        before = {_before(word) for word in foreign}
        swapped = frozenset(word for word in self.numbers[label, place] - words if _before(word) in before)
        if foreign and lost | swapped:
            self.suspects[label, place, foreign, lost | swapped].append(response)
        elif response.status not in self.received.statuses[label, place]:
            self.strange[f"had status {response.status}, which they never had alone"] += 1
        elif lost and lost == own:
            self.strange["lacked all that their users always receive alone"] += 1

    async def add_leaks(self, sender: Sender) -> None:
        """Add the leaks that are sure; what has changed for good meanwhile was no mark."""
        after = Received(
            users=self.received.users, labels=[*dict.fromkeys(label for label, *_ in self.suspects)]
        )
        await after.send_in_rounds(sender)
        for key, words in after.seen.items():
            if not self.own[key] & words:  # it holds another's in place of them: the leak is there to stay
                words.clear()
        still = after.find_marks()
        for (label, place, foreign, lost), responses in self.suspects.items():
            marks, left = self.marks[label], still.get(label, {})
            theirs = {word for word in foreign if left.get(word) == marks[word]}
            has_marks = any(owner == place for owner in marks.values())
            always = after.always(label, place)
            kept = {word for word in lost if (left.get(word) == place if has_marks else word in always)}
            if theirs and kept:
                for response in responses:
                    self.received.add_leak(label, place, marks[min(theirs)], response, min(theirs))
