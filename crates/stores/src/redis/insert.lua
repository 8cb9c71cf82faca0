-- KEYS: record, index. ARGV: the record, its digest, lifetime in ms, prefix of
-- records. 1 if it was new.
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[3]) then
    return 0
end
redis.call('HSET', KEYS[2], ARGV[2], '')
outlive(KEYS[2], ARGV[3])
-- A record whose lifetime ended is still in the index. One comes in, and two
-- that chance picks are looked at: those that are gone stay the fewer.
for _, digest in ipairs(redis.call('HRANDFIELD', KEYS[2], 2)) do
    if redis.call('EXISTS', ARGV[4] .. digest) == 0 then
        redis.call('HDEL', KEYS[2], digest)
    end
end
return 1
