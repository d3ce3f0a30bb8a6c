-- KEYS[1] the entry; ARGV: the lease, the answer, its life in ms. Whatever happened
-- to the lease (a change, a flush, an eviction, its end) also refuses the answer.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
