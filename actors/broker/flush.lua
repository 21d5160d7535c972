-- Drops every message, leased ones included; their settlements will find nothing. Poison stays.
for _, value in ipairs(redis.call("HVALS", key.messages)) do
  redis.call("DEL", tag .. string.match(value, "^([^\n]*)\n"))
end
for name, full in pairs(key) do
  if name ~= "poison" then
    redis.call("DEL", full)
  end
end
