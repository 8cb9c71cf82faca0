-- KEYS: index. ARGV: prefix of records, subject, login to keep or nothing. How
-- many were deleted. A digest in the index may have got a record of somebody
-- else's since its own was collected: that one stays.
local digests = redis.call('HKEYS', KEYS[1])
local deleted = 0
for first = 1, #digests, 1000 do
    local keys = page_of(ARGV[1], digests, first)
    local records = redis.call('MGET', unpack(keys))
    local doomed, unlisted = {}, {}
    for n, key in ipairs(keys) do
        local record = records[n]
        local theirs = is_whole(record) and subject_of(record) ~= ARGV[2]
        if theirs or not is_whole(record) or string.sub(record, 34, 49) ~= ARGV[3] then
            unlisted[#unlisted + 1] = digests[first + n - 1]
            if not theirs then
                doomed[#doomed + 1] = key
            end
        end
    end
    if #unlisted > 0 then
        redis.call('HDEL', KEYS[1], unpack(unlisted))
    end
    if #doomed > 0 then
        deleted = deleted + redis.call('DEL', unpack(doomed))
    end
end
return deleted
