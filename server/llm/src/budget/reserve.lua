-- Takes room for a call if the limits leave it, in one step.
-- KEYS: sums, holds, due, settled of the day (all with one hash tag).
-- ARGV: id, money, tokens, field of the client, field of the model, milliseconds until it runs out, seconds to keep,
--       then the limits of day, client and model in money and the same in tokens; -1 is no limit.
-- Gives whether there was room, and money and tokens of day, client and model: after it if there was, before it if not.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local sums, holds, due, settled = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, money, tokens = ARGV[1], ARGV[2], ARGV[3]

-- Redis takes no "-0" for a number.
local function minus(number)
  return number == '0' and '0' or '-' .. number
end

local function add(money, tokens, client, model)
  for _, of in ipairs({'', client, model}) do
    redis.call('HINCRBY', sums, 'm' .. of, money)
    redis.call('HINCRBY', sums, 't' .. of, tokens)
  end
end

-- What was never settled, as its process died, is given back.
for _, old in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, 100)) do
  local hold = redis.call('HGET', holds, old)
  if hold then
    local of = cjson.decode(hold)
    add(minus(of[1]), minus(of[2]), of[3], of[4])
    redis.call('HDEL', holds, old)
  end
  redis.call('ZREM', due, old)
end
redis.call('ZREMRANGEBYSCORE', settled, '-inf', now - 3600000)

local scopes = {'', ARGV[4], ARGV[5]}
local answer = {1}
local has_room = true
for index, of in ipairs(scopes) do
  local spent = {tonumber(redis.call('HGET', sums, 'm' .. of) or 0), tonumber(redis.call('HGET', sums, 't' .. of) or 0)}
  local limits = {tonumber(ARGV[7 + index]), tonumber(ARGV[10 + index])}
  if limits[1] >= 0 and spent[1] + tonumber(money) > limits[1] then has_room = false end
  if limits[2] >= 0 and spent[2] + tonumber(tokens) > limits[2] then has_room = false end
  answer[2 * index], answer[2 * index + 1] = spent[1], spent[2]
end
if not has_room then
  answer[1] = 0
  return answer
end
-- One that was settled already came late; one that is held already came twice.
if not redis.call('ZSCORE', settled, id) and redis.call('HSETNX', holds, id, cjson.encode({money, tokens, ARGV[4], ARGV[5]})) == 1 then
  add(money, tokens, ARGV[4], ARGV[5])
  redis.call('ZADD', due, now + ARGV[6], id)
  for index = 1, 3 do
    answer[2 * index] = answer[2 * index] + tonumber(money)
    answer[2 * index + 1] = answer[2 * index + 1] + tonumber(tokens)
  end
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[7]) end
return answer
