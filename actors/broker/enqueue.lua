-- ARGV: id, queue, payload, limit, delay ms, exchange or "", did. Returns 1, or 0 if the id is already here.
local id, queue, payload, limit, delay = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local exchange, did = ARGV[6], ARGV[7]

if exchange ~= "" then
  redis.call("HSET", exchange, did, queue)
end
if limit == "1" then
  redis.call("HDEL", key.limits, queue)
else
  redis.call("HSET", key.limits, queue, limit)
end
if redis.call("HSETNX", key.messages, id, queue .. "\n" .. payload) == 0 then
  return 0
end
if delay > 0 then
  redis.call("ZADD", key.delayed, now_ms + delay, id)
  redis.call("HINCRBY", key.delayed_by_queue, queue, 1)
  ring_bell() -- whoever is idle learns when to look again
else
  redis.call("RPUSH", queue, id)
  offer(queue)
end
ring_bell_if_ready()
return 1
