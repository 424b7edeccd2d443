"""Real programs that the harness judges, how they are started, and the target files that describe them."""
