-- KEYS[1] the entry; ARGV: its version, the whole entry, its life in ms.
-- A set that was long on its way must not bring back an older version.
local old = redis.call('GET', KEYS[1])
if old then
  local have = string.match(old, '^%d+')
  if have and tonumber(have) > tonumber(ARGV[1]) then
    return 0
  end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
