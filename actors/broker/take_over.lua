-- ARGV: max deliveries, lock template. For a sole owner at its start: whoever held a lease is dead. Never in a
-- Cluster, where it would touch the locks of other slots.
-- Moves a bounded number; returns how many leases and parked queues are left.
local max_deliveries, template = tonumber(ARGV[1]), ARGV[2]

local function drop_lock(queue)
  local did = string.match(queue, "_queue_(.+)$")
  if did then
    redis.call("DEL", (string.gsub(template, "{did}", function() return did end)))
  end
end

local leased = redis.call("ZRANGE", key.leases, 0, BOUND - 1)
for _, id in ipairs(leased) do
  drop_lock(string.match(redis.call("HGET", key.tokens, id) or "", "^%S+ (.*)$") or "")
end
reclaim(leased, max_deliveries)

for _, queue in ipairs(redis.call("ZRANGE", key.parked, 0, BOUND - 1)) do
  drop_lock(queue)
  redis.call("ZREM", key.parked, queue)
  offer(queue)
end

local left = redis.call("ZCARD", key.leases) + redis.call("ZCARD", key.parked)
if left == 0 then
  redis.call("DEL", key.tokens, key.inflight)
end
ring_bell_if_ready()
return left
