"""Running notebooks: a process of its own for the code, and what is known of the run after it."""
