"""Train recurrent networks on cognitive tasks and take them apart as dynamical systems."""
