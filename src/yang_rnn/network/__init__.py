"""What a network computes: its equations, the weights that they take, the loss of its outputs."""
