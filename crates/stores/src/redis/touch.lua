-- KEYS: record. ARGV: the instant, the earliest and the latest of latest uses
-- for which it is to be written down. The record as it was, or nothing.
local record = redis.call('GET', KEYS[1])
if is_whole(record) then
    local used_at = string.sub(record, 18, 25)
    if is_earlier(ARGV[1], string.sub(record, 10, 17))
        and not is_earlier(used_at, ARGV[2]) and not is_earlier(ARGV[3], used_at) then
        redis.call('SETRANGE', KEYS[1], 17, ARGV[1])
    end
end
return record
