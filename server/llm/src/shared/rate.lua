-- Takes one request of a client, if there is room (the generic cell rate algorithm, GCRA), in one step.
-- KEYS: when the client's requests so far are worked off, in microseconds since 1970.
-- ARGV: microseconds that one request takes to be worked off, and microseconds that may be owed.
-- Gives whether there was room, and the microseconds that are owed then.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local each, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local owed = tonumber(redis.call('GET', KEYS[1]) or 0) - now
-- Nothing is owed from long ago, nor more than could be: the clock may have been set, and the limit made smaller.
if owed < 0 then owed = 0 end
if owed > most then owed = most end
if owed + each > most then return {0, math.ceil(owed)} end
owed = owed + each
redis.call('SET', KEYS[1], string.format('%.0f', now + owed), 'PX', math.ceil(owed / 1000) + 1000)
return {1, math.ceil(owed)}
