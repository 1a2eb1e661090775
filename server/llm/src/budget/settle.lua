-- Gives reserves back and counts what was used instead, each once, however often it is told.
-- KEYS: sums, holds, due, settled of the day of the reserves, and sums of the day on which they were settled (all with one hash tag).
-- ARGV: seconds to keep, then for each its id, money, tokens, field of the client, field of the model.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local holds, due, settled = KEYS[2], KEYS[3], KEYS[4]

-- Redis takes no "-0" for a number.
local function minus(number)
  return number == '0' and '0' or '-' .. number
end

local function add(sums, money, tokens, client, model)
  for _, of in ipairs({'', client, model}) do
    redis.call('HINCRBY', sums, 'm' .. of, money)
    redis.call('HINCRBY', sums, 't' .. of, tokens)
  end
end

for at = 2, #ARGV, 5 do
  local id = ARGV[at]
  if redis.call('ZADD', settled, 'NX', now, id) == 1 then
    local hold = redis.call('HGET', holds, id)
    if hold then
      local of = cjson.decode(hold)
      add(KEYS[1], minus(of[1]), minus(of[2]), of[3], of[4])
      redis.call('HDEL', holds, id)
      redis.call('ZREM', due, id)
    end
    add(KEYS[5], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
  end
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[1]) end
return 1
