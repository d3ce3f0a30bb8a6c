-- KEYS[1] the entry; ARGV: the version of the change or '' if it is unknown, the
-- mark, its life in ms. A profile that was read after the change stays, and so does a
-- mark that nobody may fill: the change that it is for may come after this one.
-- Versions are compared as strings: Lua's numbers are doubles.
local old = redis.call('GET', KEYS[1])
local have = old and string.match(old, '^(%d+) {')
local want = ARGV[1]
if want ~= '' then
  if have and (#have > #want or (#have == #want and have >= want)) then return 0 end
  if old and string.match(old, '^%d+ unsettled$') then return 0 end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
