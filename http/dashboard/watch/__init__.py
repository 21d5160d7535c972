"""What an operator looks at: is everything well, what waits, what should be known."""
