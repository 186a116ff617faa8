"""A key of a config: its default, what it means, and which values it may have."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Key:
    """One key, as config.py and the methods declare theirs.

    Attributes:
        default: the paper's value where there is one.
        meaning: one line for whoever reads the table of keys.
        choices: the values that are allowed, or () for no such list.
        least, most, above: bounds of a number, or None.
        toy: the value of `:toy` configs, tiny for tests; None: the config's own.
    """

    default: Any
    meaning: str
    choices: tuple[Any, ...] = ()
    least: float | None = None
    most: float | None = None
    above: float | None = None
    toy: Any = None

    def mistake(self, name: str, value: Any) -> str | None:
        """What is wrong with a value, in one line that names the key; or None."""
        if self.choices and value not in self.choices:
            return f"config.{name} is {value!r}; it must be one of {', '.join(map(str, self.choices))}"
        if self.above is not None and not value > self.above:
            return f"config.{name} is {value}; it must be above {self.above}"
        if self.least is not None and self.most is not None:
            if not self.least <= value <= self.most:
                return f"config.{name} is {value}; it must lie between {self.least} and {self.most}"
        elif self.least is not None and not value >= self.least:
            bound = (
                "not be negative" if isinstance(self.default, float) and not self.least else f"be {self.least} or more"
            )
            return f"config.{name} is {value}; it must {bound}"
        return None


def flatten(tree, prefix=""):
    """{"a": {"b": 1}} as {"a.b": 1}."""
    flat = {}
    for key, value in tree.items():
        flat.update(flatten(value, f"{prefix}{key}.") if hasattr(value, "items") else {prefix + key: value})
    return flat


def nest(flat):
    """The inverse of `flatten`."""
    tree = {}
    for name, value in flat.items():
        *parts, last = name.split(".")
        place = tree
        for part in parts:
            place = place.setdefault(part, {})
        place[last] = value
    return tree
