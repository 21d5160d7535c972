-- Every script starts with this file. KEYS[1] is the prefix of the keys only the broker reads, after the hash
-- tag of its shard where there is one (shards.py); all other keys are made from it and share the tag:
--
--   messages          HASH  id -> queue \n payload; an id in it is queued, delayed or in flight
--   ring              LIST  queues that are ready: have work, are below their limit, aren't parked
--   ringed            SET   the same queues, so that none is in the ring twice
--   weights, turns    HASH  queue -> turns it has where others have one (absent: 1); of those, turns taken
--   inflight, limits  HASH  queue -> leases out; queue -> how many may be (absent: 1)
--   leases            ZSET  id -> when its lease ends, ms by this server's clock
--   tokens            HASH  id -> token, space, queue of its lease
--   deliveries        HASH  id -> leases that ended without a word (absent: 0)
--   fetched:{holder}  a holder's last fetch: its number, then what it leased, as id, token, id, token, ...
--   delayed           ZSET  id -> when it is due; delayed_by_queue HASH queue -> how many
--   parked            ZSET  queue -> when it is offered again
--   poison            HASH  id -> queue \n payload of messages given up
--   bell              LIST  holds one token while something may be ready; idle consumers block on it
--
-- A tenant's queue is a LIST of ids under its public name, after the tag and without the prefix.

local tag = string.match(KEYS[1], "^%b{}") or ""
local key = {}
for _, name in ipairs({ "messages", "ring", "ringed", "weights", "turns", "inflight", "limits", "leases", "tokens",
                        "deliveries", "delayed", "delayed_by_queue", "parked", "poison", "bell" }) do
  key[name] = KEYS[1] .. name
end

-- How many expired leases, due messages and parked queues one call moves: bounds the time Redis is held.
local BOUND = 64

local clock = redis.call("TIME")
local now_us = clock[1] * 1000000 + clock[2]
local now_ms = math.floor(now_us / 1000)

-- In a Cluster nobody can block on the bells of all shards, so they ring on a channel too.
local function ring_bell()
  if redis.call("LLEN", key.bell) == 0 then
    redis.call("RPUSH", key.bell, "1")
    if tag ~= "" then
      redis.call("PUBLISH", "dxflow:bell", tag)
    end
  end
end

local function ring_bell_if_ready()
  if redis.call("LLEN", key.ring) > 0 then
    ring_bell()
  end
end

-- HINCRBY by -1 that leaves no zero behind and never goes below it.
local function decrement(hash, field)
  if redis.call("HINCRBY", hash, field, -1) <= 0 then
    redis.call("HDEL", hash, field)
  end
end

-- Whether a queue that just had a turn has another before the others: weight - 1 times in a row.
local function has_another_turn(queue)
  local weight = redis.call("HGET", key.weights, queue)
  if not weight then
    return false
  end
  if redis.call("HINCRBY", key.turns, queue, 1) < tonumber(weight) then
    return true
  end
  redis.call("HDEL", key.turns, queue)
  return false
end

-- Puts the queue into the ring if it is ready. The only way in: at the tail, or in front of the others when its
-- last turn has just ended and its weight gives it more.
local function offer(queue, after_its_turn)
  if redis.call("LLEN", tag .. queue) == 0 then
    return
  end
  local running = tonumber(redis.call("HGET", key.inflight, queue) or 0)
  if running >= tonumber(redis.call("HGET", key.limits, queue) or 1) then
    return
  end
  if redis.call("ZSCORE", key.parked, queue) then
    return
  end
  if redis.call("SADD", key.ringed, queue) == 1 then
    local push = after_its_turn and has_another_turn(queue) and "LPUSH" or "RPUSH"
    redis.call(push, key.ring, queue)
  end
end

-- Ends the lease of a message and returns its queue and token; nil if there is none, or not under this token.
local function end_lease(id, token)
  local lease = redis.call("HGET", key.tokens, id)
  if not lease then
    return nil
  end
  local held, queue = string.match(lease, "^(%S+) (.*)$")
  if token and token ~= held then
    return nil
  end
  redis.call("HDEL", key.tokens, id)
  redis.call("ZREM", key.leases, id)
  decrement(key.inflight, queue)
  return queue, held
end

local function forget(id)
  redis.call("HDEL", key.messages, id)
  redis.call("HDEL", key.deliveries, id)
end

local function bury(id)
  local value = redis.call("HGET", key.messages, id)
  if value then
    redis.call("HSET", key.poison, id, value)
  end
  forget(id)
end

-- Returns messages to the front of their queues in the order they were leased: tokens sort by time of lease.
local function put_back(returned)
  table.sort(returned, function(a, b) return a.token > b.token end)
  for _, message in ipairs(returned) do
    if redis.call("HEXISTS", key.messages, message.id) == 1 then
      redis.call("LPUSH", tag .. message.queue, message.id)
    end
  end
  for i = #returned, 1, -1 do
    offer(returned[i].queue)
  end
end

-- Ends leases whose holder went silent. A message that was leased max_deliveries times so is given up.
local function reclaim(ids, max_deliveries)
  local returned = {}
  for _, id in ipairs(ids) do
    local queue, token = end_lease(id)
    if not queue then
      redis.call("ZREM", key.leases, id)
    elseif redis.call("HINCRBY", key.deliveries, id, 1) >= max_deliveries then
      bury(id)
      offer(queue)
    else
      table.insert(returned, { id = id, queue = queue, token = token })
    end
  end
  put_back(returned)
end

-- Applies settlements (id, token, verb, ms)* from ARGV[first] on. One whose lease isn't there changes nothing.
local function settle(first)
  local returned = {}
  for i = first, #ARGV, 4 do
    local id, token, verb = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    local queue = end_lease(id, token)
    if queue and (verb == "ack" or verb == "poison") then
      if verb == "ack" then forget(id) else bury(id) end
      offer(queue, true)
    elseif queue then
      if verb == "park" then
        redis.call("ZADD", key.parked, "GT", now_ms + tonumber(ARGV[i + 3]), queue)
        ring_bell() -- whoever is idle learns when to look again
      end
      table.insert(returned, { id = id, queue = queue, token = token })
    end
  end
  put_back(returned)
end
