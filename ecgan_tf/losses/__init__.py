"""Pure functions: tensors in, a float32 scalar per example out. Weights and batch means are the caller's."""
