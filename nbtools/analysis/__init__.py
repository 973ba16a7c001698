"""What a notebook's code says, read without running it."""
