"""`python -m export`, which is `ecgan export`."""

from ecgan_tf.__main__ import main

if __name__ == "__main__":
    main("export")
