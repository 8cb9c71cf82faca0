-- KEYS: record. ARGV: expected generation, the next one, the instant. Whether
-- it was rotated, and the record as it now is; or nothing.
local record = redis.call('GET', KEYS[1])
if not record then
    return false
end
if not is_whole(record) or string.sub(record, 26, 29) ~= ARGV[1]
    or not is_earlier(ARGV[3], string.sub(record, 10, 17)) then
    return { 0, record }
end
local used_at = string.sub(record, 18, 25)
if is_earlier(used_at, ARGV[3]) then
    used_at = ARGV[3]
end
local revision = struct.pack('>I4', (struct.unpack('>I4', record, 30) + 1) % 2 ^ 32)
local middle = used_at .. ARGV[2] .. revision
redis.call('SETRANGE', KEYS[1], 17, middle)
return { 1, string.sub(record, 1, 17) .. middle .. string.sub(record, 34) }
