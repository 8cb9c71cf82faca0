-- KEYS: record. ARGV: expected revision; of the new record: version, issue and
-- expiry, latest use, generation and revision, roles and payload; lifetime in
-- ms; prefix of indexes. 0 missing, 1 stale, 2 done.
local record = redis.call('GET', KEYS[1])
if not record then
    return 0
end
if not is_whole(record) then
    return record
end
if string.sub(record, 30, 33) ~= ARGV[1] then
    return 1
end
local used_at = string.sub(record, 18, 25)
if is_earlier(used_at, ARGV[3]) then
    used_at = ARGV[3]
end
local subject = subject_of(record)
local login_and_subject = string.sub(record, 34, 51 + #subject)
local new = ARGV[2] .. used_at .. ARGV[4] .. login_and_subject .. ARGV[5]
redis.call('SET', KEYS[1], new, 'PX', ARGV[6])
outlive(ARGV[7] .. subject, ARGV[6])
return 2
