"""Where speed is measured, as ratios within one run: these figures belong to the machine that gave them."""
