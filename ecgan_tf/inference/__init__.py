"""From label maps to pictures, with a run or with what was exported of one, in whichever runtime."""
