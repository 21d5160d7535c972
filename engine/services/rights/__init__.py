"""The rights desk's doors and lists: requests, imports, agents, obligations, marks against coming back."""
