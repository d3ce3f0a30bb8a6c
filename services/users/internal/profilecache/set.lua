-- KEYS[1] the entry; ARGV: its version, the whole entry, its life in ms, and
-- whether it is a mark. A set that was long on its way must not bring back an
-- older version, and a mark does not remove a profile of its own version: that
-- was read after the change.
local old = redis.call('GET', KEYS[1])
local have = old and string.match(old, '^%d+')
if have then
  local newer = tonumber(have) - tonumber(ARGV[1])
  if newer > 0 or (newer == 0 and ARGV[4] == '1' and string.find(old, '{', 1, true)) then
    return 0
  end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
