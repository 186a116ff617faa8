"""Pure functions: tensors in, a float32 scalar per example out. Weights and the mean over the batch are the caller's."""
