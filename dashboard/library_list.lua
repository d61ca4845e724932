-- One page of the list of videos, and how many there are: runs inside the server, so that it sees one moment.
--
-- ARGV[1]: JSON with
--   prefix, sort, target, descending, limit, tiny, walk, narrow, most
--   after: [by, id] or null         since, until: seconds or null
--   tags: list of keys              words: list of beginnings of words
-- Answers {total, by1, id1, by2, id2, ...}; `by` of texts as it is, of numbers with all digits.
--
-- A list in the wanted order is walked from the cursor on: of a tag its own list, which is in the order of `changed`, otherwise
-- that of all videos. Of many videos that fit the next one is near; where it was not, a list is made of those in all sets.

local asked = cjson.decode(ARGV[1])
local prefix, null = asked.prefix, cjson.null
local is_text = asked.sort == 'title' or asked.sort == 'channel'
local order = prefix .. 'by:' .. asked.sort
if asked.sort == 'value' then order = prefix .. 'value:' .. asked.target end
local everything, heard_of = prefix .. 'by:changed', prefix .. 'by:submitted'
local since = asked.since == null and -math.huge or asked.since
local till = asked['until'] == null and math.huge or asked['until']
local CHUNK, WORDS = 500, 2000
local made = {}

local function scratch()
  local key = prefix .. 'scratch:' .. (#made + 1)
  redis.call('DEL', key)
  made[#made + 1] = key
  return key
end

-- The videos that have a word which begins so; stops when there are many, and then has no key.
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
    local keys = {key}
    for _, word in ipairs(words) do keys[#keys + 1] = prefix .. 'word:' .. word end
    size = redis.call('SUNIONSTORE', key, unpack(keys))
    least = '(' .. words[#words]
  end
  return {size = size, beginning = ' ' .. beginning}
end

-- What all must fit, the fewest videos first.
local filters = {}
for _, key in ipairs(asked.tags) do filters[#filters + 1] = {size = redis.call('ZCARD', key), key = key, is_tag = true} end
for _, beginning in ipairs(asked.words) do filters[#filters + 1] = word_filter(beginning) end
if asked.since ~= null or asked['until'] ~= null then
  filters[#filters + 1] = {size = redis.call('ZCOUNT', heard_of, since, till), is_span = true}
end
table.sort(filters, function(a, b) return a.size < b.size end)

local function which(is_wanted)
  local some = {}
  for _, filter in ipairs(filters) do if is_wanted(filter) then some[#some + 1] = filter end end
  return some
end

local function has_key(filter) return filter.key end
local function has_none(filter) return not filter.key end
local sets = which(has_key)

-- Gives what a filter looks at, one of each id, and what says by that whether it lets the id through.
local function look(filter, ids)
  if filter.is_tag then return redis.call('ZMSCORE', filter.key, unpack(ids)), function(score) return score end end
  if filter.is_span then
    return redis.call('ZMSCORE', heard_of, unpack(ids)), function(score)
      local at_s = score and tonumber(score)
      return at_s and at_s >= since and at_s <= till
    end
  end
  if filter.key then return redis.call('SMISMEMBER', filter.key, unpack(ids)), function(is_in) return is_in == 1 end end
  return redis.call('HMGET', prefix .. 'said', unpack(ids)), function(said)
    return said and string.find(' ' .. said, filter.beginning, 1, true)
  end
end

-- Leaves those of some ids that several filters let through.
local function passing(ids, through)
  for _, filter in ipairs(through) do
    if #ids == 0 then return ids end
    local kept, found, fits = {}, look(filter, ids)
    for i, id in ipairs(ids) do if fits(found[i]) then kept[#kept + 1] = id end end
    ids = kept
  end
  return ids
end

-- Runs a command on all sets; what follows their names is given.
local function of_sets(command, ...)
  local words = {command, #sets}
  for _, filter in ipairs(sets) do words[#words + 1] = filter.key end
  for _, word in ipairs({...}) do words[#words + 1] = word end
  return redis.call(unpack(words))
end

local function in_all_sets()
  if #sets > 1 then return of_sets('ZINTER') end
  local only = sets[1] or {key = everything, is_tag = true}
  if only.is_tag then return redis.call('ZRANGE', only.key, 0, -1) end
  return redis.call('SMEMBERS', only.key)
end

-- Goes through those that fit, as far as `use` wants to.
local function each_that_fits(use)
  local all, rest = in_all_sets(), which(has_none)
  for from = 1, #all, CHUNK do
    local ids = passing({unpack(all, from, math.min(from + CHUNK - 1, #all))}, rest)
    if #ids > 0 and use(ids) then return end
  end
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

-- How many come before the span where the order is when they were heard of.
local function before_span()
  if asked.descending then return redis.call('ZCOUNT', heard_of, string.format('(%.17g', till), '+inf') end
  return redis.call('ZCOUNT', heard_of, '-inf', string.format('(%.17g', since))
end

-- Some members of a list from its beginning or from the cursor on.
local function reader(key)
  local place, bound = 0, nil
  if asked.after ~= null then
    if is_text then bound = '(' .. asked.after[1] .. '\0' .. asked.after[2] else place = rank_after(key) end
  end
  if key == heard_of then place = math.max(place, before_span()) end
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

-- Members of a list that fit, until the page is full; nil when so many were looked at before it was.
local function page(key, through, most)
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
    for _, id in ipairs(passing(ids, through)) do
      if #answer < asked.limit then answer[#answer + 1] = member_of[id] end
    end
  end
  return answer
end

-- A list of those that are in all sets, in the order of a number.
local function met()
  local key = scratch()
  local words, weights = {'ZINTERSTORE', key, #sets + 1}, {'WEIGHTS'}
  for _, filter in ipairs(sets) do words[#words + 1], weights[#weights + 1] = filter.key, 0 end
  words[#words + 1], weights[#weights + 1] = order, 1
  for _, word in ipairs(weights) do words[#words + 1] = word end
  redis.call(unpack(words))
  return key
end

-- The same in the order of a text.
local function met_by_text()
  local key = scratch()
  each_that_fits(function(ids)
    local members = {}
    for i, text in ipairs(redis.call('HMGET', prefix .. 'of:' .. asked.sort, unpack(ids))) do
      if text then members[#members + 1], members[#members + 2] = 0, text .. '\0' .. ids[i] end
    end
    if #members > 0 then redis.call('ZADD', key, unpack(members)) end
  end)
  return key
end

-- Who was heard of in the span becomes a set, too.
local function store_span()
  for _, filter in ipairs(filters) do
    if filter.is_span then
      filter.key, filter.is_tag = scratch(), true
      redis.call('ZRANGESTORE', filter.key, heard_of, since, till, 'BYSCORE')
    end
  end
  sets = which(has_key)
end

local function found()
  local list, through, own = order, filters, nil
  if order == everything then own = which(function(filter) return filter.is_tag end)[1] end
  if own then list, through = own.key, which(function(filter) return filter ~= own end) end
  if #through == 0 then return page(list, through) end
  local members = (own or filters[1].size > asked.tiny) and page(list, through, asked.walk)
  if members then return members end
  store_span()
  if #sets == (own and 1 or 0) or (is_text and of_sets('ZINTERCARD', 'LIMIT', asked.narrow) >= asked.narrow) then return page(list, through) end
  if is_text then return page(met_by_text(), {}) end
  return page(met(), which(has_none))
end

local function counted()
  if #filters == 0 then return redis.call('ZCARD', everything) end
  if #filters == 1 then return asked.tags[1] and filters[1].size or math.min(asked.most, filters[1].size) end
  if #sets == #filters then return of_sets('ZINTERCARD', 'LIMIT', asked.most) end
  local total = 0
  each_that_fits(function(ids)
    total = total + #ids
    return total >= asked.most
  end)
  return math.min(asked.most, total)
end

local answer
if filters[1] and filters[1].size == 0 then
  answer = {'0'}
else
  local members = found()
  answer = {tostring(counted())}
  local scores = (not is_text and #members > 0) and redis.call('ZMSCORE', order, unpack(members)) or {}
  for i, member in ipairs(members) do
    local cut = is_text and string.find(member, '\0', 1, true)
    answer[#answer + 1] = is_text and string.sub(member, 1, cut - 1) or scores[i]
    answer[#answer + 1] = id_of(member)
  end
end
for _, key in ipairs(made) do redis.call('DEL', key) end
return answer
