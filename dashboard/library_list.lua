-- One page of the list of videos, and how many there are: runs inside the server, so that it sees one moment.
--
-- ARGV[1]: JSON with
--   prefix, sort, target, descending, limit, tiny, walk, narrow, most
--   after: [by, id] or null         since, until: seconds or null
--   tags: list of set keys          words: list of beginnings of words
-- Answers {total, by1, id1, by2, id2, ...}; `by` of texts as it is, of numbers with all digits.

local asked = cjson.decode(ARGV[1])
local prefix, null = asked.prefix, cjson.null
local is_text = asked.sort == 'title' or asked.sort == 'channel'
local order = prefix .. 'by:' .. asked.sort
if asked.sort == 'value' then order = prefix .. 'value:' .. asked.target end
local CHUNK, WORDS = 500, 2000
local made = {}

local function scratch()
  local key = prefix .. 'scratch:' .. (#made + 1)
  redis.call('DEL', key)
  made[#made + 1] = key
  return key
end

-- The videos that have a word which begins so; stops when there are many.
local function word_filter(beginning)
  local key, size, least = scratch(), 0, '[' .. beginning
  while size < asked.narrow do
    local most = '(' .. beginning .. '\255'
    local words = redis.call('ZRANGEBYLEX', prefix .. 'words', least, most, 'LIMIT', 0, WORDS)
    if #words == 0 then return {size = size, key = key} end
    if #words == 1 and size == 0 then  -- the set of this one word will do, however large it is
      local only = prefix .. 'word:' .. words[1]
      return {size = redis.call('SCARD', only), key = only}
    end
    local sets = {key}
    for _, word in ipairs(words) do sets[#sets + 1] = prefix .. 'word:' .. word end
    size = redis.call('SUNIONSTORE', key, unpack(sets))
    least = '(' .. words[#words]
  end
  return {size = size, beginning = ' ' .. beginning}
end

local filters = {}
for _, key in ipairs(asked.tags) do filters[#filters + 1] = {size = redis.call('SCARD', key), key = key} end
for _, beginning in ipairs(asked.words) do filters[#filters + 1] = word_filter(beginning) end

-- Several sets that leave few videos together are as good as one small set.
local function met(all)
  local keys, others = {}, {}
  for _, filter in ipairs(all) do
    if filter.key then keys[#keys + 1] = filter.key else others[#others + 1] = filter end
  end
  if #keys < 2 then return all end
  local asking = {#keys}
  for _, key in ipairs(keys) do asking[#asking + 1] = key end
  asking[#asking + 1] = 'LIMIT'
  asking[#asking + 1] = asked.narrow
  local size = redis.call('SINTERCARD', unpack(asking))
  if size >= asked.narrow then return all end
  local key = scratch()
  redis.call('SINTERSTORE', key, unpack(keys))
  others[#others + 1] = {size = size, key = key}
  return others
end

local has_span = asked.since ~= null or asked['until'] ~= null

-- Where all filters are sets and the order has numbers: what is in all of them, sorted, made in one go.
local function sorted_at_once()
  if #filters < 2 or is_text or has_span then return nil end
  local least, asking, weights = math.huge, {#filters + 1}, {'WEIGHTS'}
  for _, filter in ipairs(filters) do
    if not filter.key then return nil end
    least = math.min(least, filter.size)
    asking[#asking + 1], weights[#weights + 1] = filter.key, 0
  end
  if least >= asked.narrow then return nil end
  local key = scratch()
  asking[#asking + 1], weights[#weights + 1] = order, 1
  for _, word in ipairs(weights) do asking[#asking + 1] = word end
  redis.call('ZINTERSTORE', key, unpack(asking))
  return key
end

local function by_size() table.sort(filters, function(a, b) return a.size < b.size end) end
by_size()

-- Leaves those of some ids that all filters but `skipped` let through.
local function passing(ids, skipped)
  for _, filter in ipairs(filters) do
    if #ids == 0 then return ids end
    if filter ~= skipped then
      local kept = {}
      if filter.key then
        local found = redis.call('SMISMEMBER', filter.key, unpack(ids))
        for i, id in ipairs(ids) do if found[i] == 1 then kept[#kept + 1] = id end end
      else
        local said = redis.call('HMGET', prefix .. 'said', unpack(ids))
        for i, id in ipairs(ids) do
          if said[i] and string.find(' ' .. said[i], filter.beginning, 1, true) then kept[#kept + 1] = id end
        end
      end
      ids = kept
    end
  end
  if has_span and #ids > 0 then
    local kept, at = {}, redis.call('ZMSCORE', prefix .. 'by:submitted', unpack(ids))
    for i, id in ipairs(ids) do
      local at_s = at[i] and tonumber(at[i])
      if at_s and (asked.since == null or at_s >= asked.since) and (asked['until'] == null or at_s <= asked['until']) then
        kept[#kept + 1] = id
      end
    end
    ids = kept
  end
  return ids
end

local function each_chunk(all, use)
  for from = 1, #all, CHUNK do
    local some = {}
    for i = from, math.min(from + CHUNK - 1, #all) do some[#some + 1] = all[i] end
    if use(some) then return end
  end
end

-- A small list of its own, sorted as the whole one: of all that pass the filters, the smallest of which is known.
local function narrowed(first)
  local key = scratch()
  if not is_text and not has_span and #filters == 1 then
    redis.call('ZINTERSTORE', key, 2, first.key, order, 'WEIGHTS', 0, 1)
    return key
  end
  each_chunk(redis.call('SMEMBERS', first.key), function(some)
    local ids, pairs_ = passing(some, first), {}
    if #ids == 0 then return end
    local by = is_text and redis.call('HMGET', prefix .. 'of:' .. asked.sort, unpack(ids))
      or redis.call('ZMSCORE', order, unpack(ids))
    for i, id in ipairs(ids) do
      if by[i] then
        pairs_[#pairs_ + 1] = is_text and 0 or by[i]
        pairs_[#pairs_ + 1] = is_text and (by[i] .. '\0' .. id) or id
      end
    end
    if #pairs_ > 0 then redis.call('ZADD', key, unpack(pairs_)) end
  end)
  return key
end

local function id_of(member)
  if not is_text then return member end
  return string.sub(member, string.find(member, '\0', 1, true) + 1)
end

-- Where in a list of numbers a place would stand: it is put in for this moment, and what stood there is put back.
local function rank_after(key)
  local by, id = asked.after[1], asked.after[2]
  local before = redis.call('ZSCORE', key, id)
  redis.call('ZADD', key, by, id)
  local rank = redis.call(asked.descending and 'ZREVRANK' or 'ZRANK', key, id)
  if not before then redis.call('ZREM', key, id) return rank end
  redis.call('ZADD', key, before, id)
  local was, is = tonumber(before), tonumber(by)
  local stood_before = was == is or (asked.descending and was > is) or (not asked.descending and was < is)
  return stood_before and rank + 1 or rank
end

-- Some members of a list from its beginning or from the cursor on.
local function reader(key)
  local place, bound = 0, nil
  if asked.after ~= null then
    if is_text then bound = '(' .. asked.after[1] .. '\0' .. asked.after[2] else place = rank_after(key) end
  end
  return function()
    local found
    if bound == nil then
      found = redis.call(asked.descending and 'ZREVRANGE' or 'ZRANGE', key, place, place + CHUNK - 1)
    elseif asked.descending then
      found = redis.call('ZREVRANGEBYLEX', key, bound, '-', 'LIMIT', 0, CHUNK)
    else
      found = redis.call('ZRANGEBYLEX', key, bound, '+', 'LIMIT', 0, CHUNK)
    end
    place = place + #found
    if bound ~= nil and #found > 0 then bound = '(' .. found[#found] end
    return found
  end
end

-- Members until the page is full; nil when so many were looked at before it was.
local function page(key, is_filtered, most)
  local read, answer, looked_at = reader(key), {}, 0
  while #answer < asked.limit do
    if most and looked_at >= most then return nil end
    local members = read()
    if #members == 0 then break end
    looked_at = looked_at + #members
    local ids, member_of = {}, {}
    for _, member in ipairs(members) do
      local id = id_of(member)
      ids[#ids + 1], member_of[id] = id, member
    end
    for _, id in ipairs(is_filtered and ids or passing(ids)) do
      if #answer < asked.limit then answer[#answer + 1] = member_of[id] end
    end
  end
  return answer
end

-- How many are in all sets, where the filters are nothing else.
local function in_all_sets()
  if #filters < 2 or has_span then return nil end
  local asking = {#filters}
  for _, filter in ipairs(filters) do
    if not filter.key then return nil end
    asking[#asking + 1] = filter.key
  end
  asking[#asking + 1] = 'LIMIT'
  asking[#asking + 1] = asked.most
  return redis.call('SINTERCARD', unpack(asking))
end

local function counted()
  if #filters == 0 and not has_span then return redis.call('ZCARD', prefix .. 'by:changed') end
  if #filters == 0 then
    local since = asked.since == null and '-inf' or asked.since
    local till = asked['until'] == null and '+inf' or asked['until']
    return math.min(asked.most, redis.call('ZCOUNT', prefix .. 'by:submitted', since, till))
  end
  if #filters == 1 and not has_span then
    local is_one_tag = #asked.tags == 1 and #asked.words == 0
    return is_one_tag and filters[1].size or math.min(asked.most, filters[1].size)
  end
  local first, total = nil, 0
  for _, filter in ipairs(filters) do if filter.key and not first then first = filter end end
  local all = first and redis.call('SMEMBERS', first.key) or redis.call('ZRANGE', prefix .. 'by:changed', 0, -1)
  each_chunk(all, function(some)
    total = total + #passing(some, first)
    return total >= asked.most
  end)
  return math.min(asked.most, total)
end

-- Whether a page is soon full when the order is walked: of many the next one that fits is near, unless they lie together.
local function is_near(first)
  return first.size > asked.tiny and redis.call('ZCARD', order) / first.size * asked.limit < asked.walk
end

-- The page, and how many there are where that is known by the way.
local function found()
  if #filters == 0 then return page(order, not has_span) end
  local members, whole = is_near(filters[1]) and page(order, false, asked.walk), nil
  if members then
    local total = in_all_sets()
    if not total then filters = met(filters) by_size() end
    return members, total
  end
  whole = sorted_at_once()
  if whole then return page(whole, true), math.min(asked.most, redis.call('ZCARD', whole)) end
  filters = met(filters)
  by_size()
  local first = filters[1]
  if first.key and first.size < asked.narrow then return page(narrowed(first), true) end
  return page(order, false)
end

local answer
if filters[1] and filters[1].size == 0 then
  answer = {'0'}
else
  local members, total = found()
  answer = {tostring(total or counted())}
  local scores = (not is_text and #members > 0) and redis.call('ZMSCORE', order, unpack(members)) or {}
  for i, member in ipairs(members) do
    local cut = is_text and string.find(member, '\0', 1, true)
    answer[#answer + 1] = is_text and string.sub(member, 1, cut - 1) or scores[i]
    answer[#answer + 1] = id_of(member)
  end
end
for _, key in ipairs(made) do redis.call('DEL', key) end
return answer
