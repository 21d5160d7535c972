-- Every script starts with this file; those that begin or end leases go on with leases.lua. KEYS[1] is the prefix
-- of the keys only the broker reads, after the hash tag of its shard where there is one (shards.py); all other keys
-- are made from it and share the tag:
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

-- Most installations park, limit and weigh few queues or none: then asking once a call does for all of them.
local counts = { parked = "ZCARD", limits = "HLEN", weights = "HLEN", deliveries = "HLEN" }
local function has_any(name)
  if type(counts[name]) == "string" then
    counts[name] = redis.call(counts[name], key[name]) > 0
  end
  return counts[name]
end

local function limit_of(queue)
  return has_any("limits") and tonumber(redis.call("HGET", key.limits, queue) or 1) or 1
end

local function is_parked(queue)
  return has_any("parked") and redis.call("ZSCORE", key.parked, queue)
end

-- HINCRBY by -1 that leaves no zero behind and never goes below it. Returns what is left.
local function decrement(hash, field)
  local left = redis.call("HINCRBY", hash, field, -1)
  if left <= 0 then
    redis.call("HDEL", hash, field)
    left = 0
  end
  return left
end

-- Whether a queue that just had a turn has another before the others: weight - 1 times in a row.
local function has_another_turn(queue)
  local weight = has_any("weights") and redis.call("HGET", key.weights, queue)
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
-- last turn has just ended and its weight gives it more. Who knows how many of it are running says so.
local function offer(queue, after_its_turn, running)
  running = running or tonumber(redis.call("HGET", key.inflight, queue) or 0)
  if running >= limit_of(queue) or redis.call("LLEN", tag .. queue) == 0 or is_parked(queue) then
    return
  end
  if redis.call("SADD", key.ringed, queue) == 1 then
    local push = after_its_turn and has_another_turn(queue) and "LPUSH" or "RPUSH"
    redis.call(push, key.ring, queue)
  end
end
