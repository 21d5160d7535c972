-- ARGV: queue. Ends its parking.
if redis.call("ZREM", key.parked, ARGV[1]) == 1 then
  offer(ARGV[1])
  ring_bell_if_ready()
end
