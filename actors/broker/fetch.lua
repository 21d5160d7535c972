-- ARGV: how many, lease ms, random text, max deliveries, settlements (id, token, verb, ms)*.
-- Returns ms until something falls due (-1: nothing will, 0: now), how many messages are in poison, and the
-- leased messages as (id, token, queue \n payload, earlier deliveries).
local wanted, lease_ms, random, max_deliveries = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])

local function due(zset)
  return redis.call("ZRANGEBYSCORE", zset, "-inf", now_ms, "LIMIT", 0, BOUND)
end

local function promote_delayed()
  for _, id in ipairs(due(key.delayed)) do
    redis.call("ZREM", key.delayed, id)
    local value = redis.call("HGET", key.messages, id)
    if value then
      local queue = string.match(value, "^([^\n]*)\n")
      decrement(key.delayed_by_queue, queue)
      redis.call("RPUSH", queue, id)
      offer(queue)
    end
  end
end

local function unpark()
  for _, queue in ipairs(due(key.parked)) do
    redis.call("ZREM", key.parked, queue)
    offer(queue)
  end
end

local function lease(id, value, queue, nth)
  local token = string.format("%016.0f-%05d-%s", now_us, nth, random)
  redis.call("ZADD", key.leases, now_ms + lease_ms, id)
  redis.call("HSET", key.tokens, id, token .. " " .. queue)
  redis.call("HINCRBY", key.inflight, queue, 1)
  return { id, token, value, tonumber(redis.call("HGET", key.deliveries, id) or 0) }
end

-- One message of each ready queue in turn; a queue that is still ready after its turn goes to the tail.
local function take_turns()
  local batch = {}
  while #batch < wanted do
    local queue = redis.call("LPOP", key.ring)
    if not queue then
      break
    end
    redis.call("SREM", key.ringed, queue)
    if not redis.call("ZSCORE", key.parked, queue) then
      local id = redis.call("LPOP", queue)
      local value = id and redis.call("HGET", key.messages, id)
      if value then
        table.insert(batch, lease(id, value, queue, #batch))
      end
      offer(queue)
    end
  end
  return batch
end

local function next_due()
  local soonest = -1
  for _, zset in ipairs({ key.leases, key.delayed, key.parked }) do
    local head = redis.call("ZRANGE", zset, 0, 0, "WITHSCORES")
    if head[2] then
      local wait = math.max(0, tonumber(head[2]) - now_ms)
      if soonest < 0 or wait < soonest then
        soonest = wait
      end
    end
  end
  return soonest
end

settle(5)
reclaim(due(key.leases), max_deliveries)
promote_delayed()
unpark()
local batch = take_turns()
ring_bell_if_ready() -- work is left: wake the next consumer
return { #batch < wanted and next_due() or 0, redis.call("HLEN", key.poison), batch }
