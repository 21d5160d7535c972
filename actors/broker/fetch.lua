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

local function deliveries_of(id)
  return has_any("deliveries") and tonumber(redis.call("HGET", key.deliveries, id) or 0) or 0
end

-- Leases the messages of one round, given as { id, queue }*, adds them to the batch and offers their queues again.
local function lease_all(round, batch)
  local ids, leases, tokens = {}, {}, {}
  for n, one in ipairs(round) do
    ids[n] = one.id
  end
  local values = call_all("HMGET", key.messages, ids)
  for n, one in ipairs(round) do
    local running = nil
    if values[n] then
      local token = string.format("%016.0f-%05d-%s-%d", now_us, #batch, holder, number)
      table.insert(leases, now_ms + lease_ms)
      table.insert(leases, one.id)
      table.insert(tokens, one.id)
      table.insert(tokens, token .. " " .. one.queue)
      table.insert(batch, { one.id, token, values[n], deliveries_of(one.id) })
      running = redis.call("HINCRBY", key.inflight, one.queue, 1)
    end
    offer(one.queue, true, running)
  end
  call_all("ZADD", key.leases, leases)
  call_all("HSET", key.tokens, tokens)
end

-- Rounds of one message of each ready queue in turn; a queue still ready after its turn is offered again.
local function take_turns()
  local batch = {}
  while #batch < wanted do
    local queues = redis.call("LPOP", key.ring, wanted - #batch)
    if not queues then
      break
    end
    call_all("SREM", key.ringed, queues)
    local round = {}
    for _, queue in ipairs(queues) do
      local id = not is_parked(queue) and redis.call("LPOP", tag .. queue)
      if id then
        table.insert(round, { id = id, queue = queue })
      end
    end
    lease_all(round, batch)
  end
  return batch
end

-- The messages of an earlier try of this fetch that are still leased by it, their leases starting anew.
local function hand_out_again(last)
  local batch = {}
  for i = 2, #last, 2 do
    local id, token = last[i], last[i + 1]
    local value = redis.call("HGET", key.messages, id)
    if value and parse_lease(redis.call("HGET", key.tokens, id)) == token then
      redis.call("ZADD", key.leases, "XX", now_ms + lease_ms, id)
      table.insert(batch, { id, token, value, deliveries_of(id) })
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
