-- KEYS[1] the entry; ARGV: a new token, the lease's life in ms. Returns the entry
-- as it is then: an answer, a mark that nobody may fill, or a lease. Readers that miss together share a lease:
-- each read the database after it was given, and a change breaks it for all.
local old = redis.call('GET', KEYS[1])
local version, content
if old then version, content = string.match(old, '^(%d+) (.*)$') end
if content then
  if content == 'absent' or content == 'unsettled' or string.sub(content, 1, 1) == '{' then return old end
  if string.sub(content, 1, 6) == 'lease ' then
    redis.call('SET', KEYS[1], old, 'PX', ARGV[2])
    return old
  end
end
local lease = (version or '0') .. ' lease ' .. ARGV[1]
redis.call('SET', KEYS[1], lease, 'PX', ARGV[2])
return lease
