-- Prints all that wrk knows as one line of JSON; with an argument, waits so many milliseconds before each request.

function init(args)
  if args[1] then
    local delay_ms = tonumber(args[1])
    function delay() return delay_ms end
  end
end

function done(summary, latency, requests)
  local failed = 0
  for _, number in pairs(summary.errors) do failed = failed + number end
  local counts = {}
  for place = 1, #latency do
    counts[place] = string.format("[%d,%d]", latency(place))
  end
  io.write(string.format(
    '\n{"requests":%d,"duration_us":%d,"errors":%d,"latencies":[%s]}\n',
    summary.requests, summary.duration, failed, table.concat(counts, ",")))
end
