-- The requests of one wrk run, and its result as one line of JSON.
-- Arguments: number of headers (2 or 12), then for mixed load the slow path and how many requests have one to it: `2 /sleep 100`.
-- Host counts as a header. Of the twelve, Cookie and X-Request-ID are new in every request, as a browser behind a proxy sends them.

local count = 0

local function twelve_headers(path)
  local before = "GET " .. path .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\n"
    .. "Connection: keep-alive\r\n"
    .. "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    .. "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    .. "Accept-Language: en-US,en;q=0.5\r\n"
    .. "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    .. "Referer: http://" .. wrk.host .. "/start?from=menu\r\n"
    .. "Sec-Fetch-Dest: document\r\n"
    .. "Sec-Fetch-Mode: navigate\r\n"
    .. "Sec-Fetch-Site: same-origin\r\n"
    .. "Cookie: theme=dark; session="
  local between = "\r\nX-Request-ID: 7d3f1c0e-52aa-4b1e-9c55-"
  return function()
    local id = string.format("%012x", count)
    return before .. id .. between .. id .. "\r\n\r\n"
  end
end

local function two_headers(path)
  local text = "GET " .. path .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\nAccept: */*\r\n\r\n"
  return function()
    return text
  end
end

function init(args)
  local slow_path, slow_every = args[2], tonumber(args[3])
  if args[1] == "2" and slow_path == nil then
    -- Without a request function wrk formats the request once and sends it without asking Lua again.
    wrk.headers["Accept"] = "*/*"
    return
  end
  local format = args[1] == "12" and twelve_headers or two_headers
  local fast = format(wrk.path)
  if slow_path == nil then
    request = function()
      count = count + 1
      return fast()
    end
    return
  end
  local slow = format(slow_path)
  request = function()
    count = count + 1
    if count % slow_every == 0 then
      return slow()
    end
    return fast()
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"durationUs":%d,"p50Us":%d,"p90Us":%d,"p99Us":%d,'
      .. '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(90), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout
  ))
end
