"""Which file a key of the plan stands in: the plan itself, or one that it includes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """The files a plan is made of.

    Attributes:
        plan: The plan file.
        included: The file that each included entry stands in, by its table and name.
    """

    plan: Path
    included: Mapping[tuple[str, str], Path]

    def where(self, *key: str | int) -> str:
        """A key with its file, for a message.

        Args:
            key: The key's parts.

        Returns:
            Text such as "loadtests/twins.toml: apps.flask.target".
        """
        parts = [str(part) for part in key]
        path = self.included.get((parts[0], parts[1]), self.plan) if len(parts) > 1 else self.plan
        return f"{path}: {'.'.join(parts)}"
