"""What training is made of: batches, the objective, optimisers."""
