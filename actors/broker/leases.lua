-- What the scripts that begin or end leases share, after common.lua.

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

local function park(queue, ms)
  redis.call("ZADD", key.parked, "GT", now_ms + ms, queue)
  counts.parked = true
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
