"""Who works here, how they come in, and their own accounts."""
