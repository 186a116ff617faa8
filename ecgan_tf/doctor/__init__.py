"""What a machine is and lacks, and checks of what was never run on GPUs where this was written."""
