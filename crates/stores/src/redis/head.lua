-- What all scripts begin with. They see of a record (codec.rs, places from 1):
-- 1 version, 2-9 issue, 10-17 expiry, 18-25 latest use, 26-29 generation,
-- 30-33 revision, 34-49 login, 50-51 length of the subject, 52- subject.

-- Whether the octets are a record as far as scripts look at it. What is not
-- goes back to the caller as it is, who says that it is corrupt.
local function is_whole(record)
    return type(record) == 'string' and #record > 51 and string.byte(record) == 1
        and #record > 51 + struct.unpack('>I2', record, 50)
end

local function subject_of(record)
    return string.sub(record, 52, 51 + struct.unpack('>I2', record, 50))
end

-- Whether the instant `a` is earlier than `b`, each of eight octets. Lua's
-- numbers are exact to 53 bits only, and its strings compare by the locale.
local function is_earlier(a, b)
    local a_high, a_low = struct.unpack('>I4I4', a)
    local b_high, b_low = struct.unpack('>I4I4', b)
    return a_high < b_high or (a_high == b_high and a_low < b_low)
end

-- Lets an index live as long as each of its records.
local function outlive(index, lifetime_ms)
    if redis.call('PTTL', index) < tonumber(lifetime_ms) then
        redis.call('PEXPIRE', index, lifetime_ms)
    end
end

-- The keys of up to a thousand records from `first` on: as many arguments as
-- Lua surely passes on.
local function page_of(prefix, digests, first)
    local keys = {}
    for n = first, math.min(first + 999, #digests) do
        keys[#keys + 1] = prefix .. digests[n]
    end
    return keys
end
