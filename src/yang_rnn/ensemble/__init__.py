"""Sweeps: many networks trained, analysed and counted.

`plan` says which members a sweep has and keeps its folder; `training` trains a batch of them in one
program; `members` makes them and their files; `workers` spreads batches over processes; `table`
puts the results together; `sweep` does all of it.
"""
