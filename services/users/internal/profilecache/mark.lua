-- KEYS[1] the entry; ARGV: the version of the change or '' if it is unknown, the
-- mark, its life in ms. A profile that was read after the change stays. Versions
-- are compared as strings: Lua's numbers are doubles.
local old = redis.call('GET', KEYS[1])
local have = old and string.match(old, '^(%d+) {')
local want = ARGV[1]
if have and want ~= '' and (#have > #want or (#have == #want and have >= want)) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
