"""Proving that a notebook reproduces: runs are compared, cell by cell."""
