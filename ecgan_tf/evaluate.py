"""`python -m ecgan_tf.evaluate`, which is `ecgan evaluate`."""

from ecgan_tf.__main__ import main

if __name__ == "__main__":
    main("evaluate")
