-- ARGV: lease ms, (id, token)*. Returns the tokens whose lease is gone.
local lost = {}
for i = 2, #ARGV, 2 do
  local id, token = ARGV[i], ARGV[i + 1]
  local lease = redis.call("HGET", key.tokens, id)
  if lease and string.match(lease, "^%S+") == token then
    redis.call("ZADD", key.leases, "XX", now_ms + tonumber(ARGV[1]), id)
  else
    table.insert(lost, token)
  end
end
return lost
