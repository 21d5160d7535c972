"""The rights desk: what people there do with a request, from its arrival to its answer."""
