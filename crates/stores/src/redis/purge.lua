-- ARGV: cursor, pattern of records, how many keys to look at, the instant, how
-- many records to delete at most, length of the prefix of records, prefix of
-- indexes. The next cursor and how many were deleted.
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
local deleted = 0
for _, key in ipairs(page[2]) do
    if deleted == tonumber(ARGV[5]) then
        break
    end
    local record = redis.pcall('GET', key)
    if is_whole(record) and not is_earlier(ARGV[4], string.sub(record, 10, 17)) then
        deleted = deleted + redis.call('DEL', key)
        redis.call('HDEL', ARGV[7] .. subject_of(record), string.sub(key, ARGV[6] + 1))
    end
end
return { page[1], deleted }
