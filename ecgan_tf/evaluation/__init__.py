"""Pictures and numbers of a generator: a function from layouts to images and a data set go in, never a model."""
