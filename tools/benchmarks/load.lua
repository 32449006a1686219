-- Tells wrk what to send, and prints what it measured as one line of JSON, after wrk's own lines.

wrk.method = os.getenv("METHOD")
if os.getenv("BODY") ~= "" then
  wrk.body = os.getenv("BODY")
  wrk.headers["Content-Type"] = "application/json"
end

-- To look at each answer takes wrk longer than to send the request: only the warm-up does.
if os.getenv("CHECK") then
  refused = 0
  function response(status)
    if status < 200 or status > 299 then
      refused = refused + 1
    end
  end
end

local threads = {}
function setup(thread)
  table.insert(threads, thread)
end

function done(summary, latency)
  local errors = summary.errors
  local refusals = errors.status -- 400 and more
  if os.getenv("CHECK") then
    refusals = 0
    for _, thread in ipairs(threads) do
      refusals = refusals + thread:get("refused")
    end
  end
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    refusals, errors.connect + errors.read + errors.write + errors.timeout
  ))
end
