"""The one error that is the user's: every command ends with it in one line."""


class RequestError(ValueError):
    """A mistake in what the user asked for. The message says where, which value, and the remedy.

    Attributes:
        kind: words for mistakes of this sort, by which a report of many is grouped.
    """

    kind = "other mistakes"
