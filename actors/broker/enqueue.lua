-- ARGV: (id, queue, payload, limit, weight, delay ms, exchange or "", did)*. Returns for each message 1, or 0 if
-- its id is already here: that is what makes sending one again harmless.
local function set_unless_1(name, queue, value)
  if value == "1" then
    if redis.call("HDEL", key[name], queue) == 1 and name == "weights" then
      redis.call("HDEL", key.turns, queue)
    end
  else
    redis.call("HSET", key[name], queue, value)
    counts[name] = true
  end
end

local function enqueue(id, queue, payload, limit, weight, delay, exchange, did)
  if exchange ~= "" then
    redis.call("HSET", tag .. exchange, did, queue)
  end
  set_unless_1("limits", queue, limit)
  set_unless_1("weights", queue, weight)
  if redis.call("HSETNX", key.messages, id, queue .. "\n" .. payload) == 0 then
    return 0
  end
  if delay > 0 then
    redis.call("ZADD", key.delayed, now_ms + delay, id)
    redis.call("HINCRBY", key.delayed_by_queue, queue, 1)
    ring_bell() -- whoever is idle learns when to look again
  else
    redis.call("RPUSH", tag .. queue, id)
    offer(queue)
  end
  return 1
end

local fresh = {}
for i = 1, #ARGV, 8 do
  local id, queue, payload, limit, weight = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  table.insert(fresh, enqueue(id, queue, payload, limit, weight, tonumber(ARGV[i + 5]), ARGV[i + 6], ARGV[i + 7]))
end
ring_bell_if_ready()
return fresh
