"""`ecgan train` from a checkout: trains or continues a run; see ecgan_tf/commands/train.py."""

from ecgan_tf import cli
from ecgan_tf.commands import train

if __name__ == "__main__":
    cli.run(train.main, train.__doc__, train.INTERRUPTED)
