-- KEYS: record. ARGV: its digest, prefix of indexes. 1 if it was there. What
-- is no record is deleted, too; its index lists it until it is next read.
local record = redis.pcall('GET', KEYS[1])
if is_whole(record) then
    redis.call('HDEL', ARGV[2] .. subject_of(record), ARGV[1])
end
return redis.call('DEL', KEYS[1])
