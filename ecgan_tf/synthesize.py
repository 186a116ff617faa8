"""`python -m ecgan_tf.synthesize`, which is `ecgan synthesize`."""

from ecgan_tf import cli
from ecgan_tf.commands import synthesize

if __name__ == "__main__":
    cli.run(synthesize.main, synthesize.__doc__)
