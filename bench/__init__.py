"""Measurements behind published figures: one file per figure, `make bench` runs them all and writes bench/results/."""
