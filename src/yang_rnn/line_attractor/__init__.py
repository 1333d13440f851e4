"""Whether a network has a line attractor: what is measured, the criteria, the verdict."""
