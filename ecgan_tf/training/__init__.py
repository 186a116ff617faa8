"""Everything that turns a config and a data set into a run folder: objective, step, loop, checkpoints, summaries."""
