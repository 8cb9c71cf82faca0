-- KEYS: index. ARGV: prefix of records, subject. Digests and records, in turn.
-- Digests without a record of the subject leave the index.
local digests = redis.call('HKEYS', KEYS[1])
local found = {}
for first = 1, #digests, 1000 do
    local keys = page_of(ARGV[1], digests, first)
    local records = redis.call('MGET', unpack(keys))
    for n = 1, #keys do
        local record, digest = records[n], digests[first + n - 1]
        if record and not (is_whole(record) and subject_of(record) ~= ARGV[2]) then
            found[#found + 1] = digest
            found[#found + 1] = record
        else
            redis.call('HDEL', KEYS[1], digest)
        end
    end
end
return found
