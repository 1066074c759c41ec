"""What every process of the factory needs before anything else."""
