"""The networks that judge pictures, each opened by its file or name (`opening.open_judge`)."""
