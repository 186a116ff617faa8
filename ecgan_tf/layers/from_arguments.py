"""How every layer and network here is saved and rebuilt: by the arguments that it was made with."""

import inspect


class FromArguments:
    """A layer or model that keeps each argument of its constructor under the argument's own name.

    `get_config` reads them back, of its own class and of those that it extends, so no class writes a list of them.
    """

    def get_config(self):
        names = {}
        for cls in reversed(type(self).__mro__):
            if cls is not FromArguments and issubclass(cls, FromArguments) and "__init__" in vars(cls):
                parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
                names.update({p.name: None for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)})
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
