"""What a request brings about: the package a person gets, and limits on what may be done with their data."""
