"""The arithmetic of evaluation: arrays of pictures, features or predictions in, numbers out; no network and no file."""
