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

-- Calls a command that takes many members with all of them; a few hundred at a time, as Lua's stack allows.
local function call_all(command, where, members)
  local answers = {}
  for i = 1, #members, 500 do
    local answer = redis.call(command, where, unpack(members, i, math.min(i + 499, #members)))
    if type(answer) == "table" then
      for n = 1, math.min(500, #members - i + 1) do
        table.insert(answers, answer[n])
      end
    end
  end
  return answers
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

local function park(queue, ms)
  redis.call("ZADD", key.parked, "GT", now_ms + ms, queue)
  counts.parked = true
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

-- The token and the queue in an entry of tokens, nil for none.
local function parse_lease(entry)
  if entry then
    return string.match(entry, "^(%S+) (.*)$")
  end
end

local function end_leases(ids)
  call_all("HDEL", key.tokens, ids)
  call_all("ZREM", key.leases, ids)
end

local function forget(ids)
  call_all("HDEL", key.messages, ids)
  if has_any("deliveries") then
    call_all("HDEL", key.deliveries, ids)
  end
end

local function bury(id)
  local value = redis.call("HGET", key.messages, id)
  if value then
    redis.call("HSET", key.poison, id, value)
  end
  forget({ id })
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
    local token, queue = parse_lease(redis.call("HGET", key.tokens, id))
    redis.call("HDEL", key.tokens, id)
    redis.call("ZREM", key.leases, id)
    if token then
      decrement(key.inflight, queue)
      counts.deliveries = true
      if redis.call("HINCRBY", key.deliveries, id, 1) >= max_deliveries then
        bury(id)
        offer(queue)
      else
        table.insert(returned, { id = id, queue = queue, token = token })
      end
    end
  end
  put_back(returned)
end

-- Applies settlements (id, token, verb, ms)* from ARGV[first] on. One whose lease isn't there, or is under another
-- token, changes nothing.
local function settle(first)
  local ids, ended, done, returned = {}, {}, {}, {}
  for i = first, #ARGV, 4 do
    table.insert(ids, ARGV[i])
  end
  for n, entry in ipairs(call_all("HMGET", key.tokens, ids)) do
    local id, token, verb = ids[n], ARGV[first + 4 * n - 3], ARGV[first + 4 * n - 2]
    local held, queue = parse_lease(entry)
    if held == token and not ended[id] then
      ended[id] = true
      table.insert(done, id)
      local running = decrement(key.inflight, queue)
      if verb == "ack" then
        offer(queue, true, running)
      elseif verb == "poison" then
        bury(id)
        offer(queue, true, running)
      else
        if verb == "park" then
          park(queue, tonumber(ARGV[first + 4 * n - 1]))
          ring_bell() -- whoever is idle learns when to look again
        end
        table.insert(returned, { id = id, queue = queue, token = token })
        ended[id] = "kept"
      end
    end
  end
  end_leases(done)
  local over = {}
  for _, id in ipairs(done) do
    if ended[id] ~= "kept" then
      table.insert(over, id)
    end
  end
  forget(over)
  put_back(returned)
end
