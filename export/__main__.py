"""`python -m export`, which is `ecgan export`."""

from ecgan_tf import cli
from export import command

if __name__ == "__main__":
    cli.run(command.main, command.__doc__)
