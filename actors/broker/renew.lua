-- ARGV: lease ms, (id, token)*. Returns the tokens whose lease is gone.
local lost = {}
for i = 2, #ARGV, 2 do
  local id, token = ARGV[i], ARGV[i + 1]
  if parse_lease(redis.call("HGET", key.tokens, id)) == token then
    redis.call("ZADD", key.leases, "XX", now_ms + tonumber(ARGV[1]), id)
  else
    table.insert(lost, token)
  end
end
return lost
