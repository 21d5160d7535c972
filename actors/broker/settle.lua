-- ARGV: settlements (id, token, verb, ms)*.
settle(1)
ring_bell_if_ready()
