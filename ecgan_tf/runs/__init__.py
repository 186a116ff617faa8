"""What a run is on disk: read by whatever opens a model, written by training."""
