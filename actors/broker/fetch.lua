-- ARGV: how many, lease ms, holder, number of this fetch (rising per holder), max deliveries, settlements
-- (id, token, verb, ms)*.
-- Returns ms until something falls due (-1: nothing will, 0: now), how many messages are in poison, and the
-- leased messages as (id, token, queue \n payload, earlier deliveries).
--
-- A fetch whose answer was lost is sent again under its number and gets the very messages it leased the first
-- time; one that arrives after the holder went on to a higher number leases nothing. So whichever way a stall
-- delays and doubles a fetch, no message is leased to nobody.
local wanted, lease_ms, holder, number = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local max_deliveries = tonumber(ARGV[5])
local last_key = KEYS[1] .. "fetched:" .. holder

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
      redis.call("RPUSH", tag .. queue, id)
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

local function leased(id, token, value)
  return { id, token, value, tonumber(redis.call("HGET", key.deliveries, id) or 0) }
end

local function lease(id, value, queue, nth)
  local token = string.format("%016.0f-%05d-%s-%d", now_us, nth, holder, number)
  redis.call("ZADD", key.leases, now_ms + lease_ms, id)
  redis.call("HSET", key.tokens, id, token .. " " .. queue)
  redis.call("HINCRBY", key.inflight, queue, 1)
  return leased(id, token, value)
end

-- One message of each ready queue in turn; a queue that is still ready after its turn is offered again.
local function take_turns()
  local batch = {}
  while #batch < wanted do
    local queue = redis.call("LPOP", key.ring)
    if not queue then
      break
    end
    redis.call("SREM", key.ringed, queue)
    if not redis.call("ZSCORE", key.parked, queue) then
      local id = redis.call("LPOP", tag .. queue)
      local value = id and redis.call("HGET", key.messages, id)
      if value then
        table.insert(batch, lease(id, value, queue, #batch))
      end
      offer(queue, true)
    end
  end
  return batch
end

-- The messages of an earlier try of this fetch that are still leased by it, their leases starting anew.
local function hand_out_again(last)
  local batch = {}
  for i = 2, #last, 2 do
    local id, token = last[i], last[i + 1]
    local held = redis.call("HGET", key.tokens, id)
    local value = redis.call("HGET", key.messages, id)
    if value and held and string.match(held, "^%S+") == token then
      redis.call("ZADD", key.leases, "XX", now_ms + lease_ms, id)
      table.insert(batch, leased(id, token, value))
    end
  end
  return batch
end

local function remember(batch)
  local pieces = { number }
  for _, one in ipairs(batch) do
    table.insert(pieces, one[1])
    table.insert(pieces, one[2])
  end
  redis.call("SET", last_key, cmsgpack.pack(pieces), "PX", 3 * lease_ms)
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

redis.call("DEL", key.bell)
settle(6)
local last = redis.call("GET", last_key)
last = last and cmsgpack.unpack(last) or { 0 }
local batch = last[1] == number and hand_out_again(last) or {}
reclaim(due(key.leases), max_deliveries)
promote_delayed()
unpark()
if number > last[1] then
  batch = take_turns()
  remember(batch)
end
ring_bell_if_ready() -- work is left: wake the next consumer
return { #batch < wanted and next_due() or 0, redis.call("HLEN", key.poison), batch }
