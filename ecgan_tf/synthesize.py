"""`python -m ecgan_tf.synthesize`, which is `ecgan synthesize`."""

from ecgan_tf.__main__ import main

if __name__ == "__main__":
    main("synthesize")
