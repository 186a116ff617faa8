"""`python -m ecgan_tf.evaluate`, which is `ecgan evaluate`."""

from ecgan_tf import cli
from ecgan_tf.commands import evaluate

if __name__ == "__main__":
    cli.run(evaluate.main, evaluate.__doc__)
