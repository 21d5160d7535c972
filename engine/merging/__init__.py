"""Two data subjects that one identifier points at: merged by a person, taken apart again, or kept apart.

A false match would show one person's data to another, so dxflow never merges by itself; a person does, gives a
reason, and can take it back.
"""
