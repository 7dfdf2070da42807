-- wrk's side of the script beside it: posts the request in the file WRK_REQUEST, and, where WRK_BODY names a file,
-- compares each answer with it byte by byte. wrk cannot say which request an answer belongs to, so the request is always
-- the same; crossed answers are for our own generator to catch.

local function read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

-- No `request` function here: without one wrk builds the request once and sends the same bytes each time.
local head, body = read(os.getenv("WRK_REQUEST")):gsub("{{_counter}}", "100000000000"):match("^(.-)\r?\n\r?\n(.*)$")
assert(head, "the request has no empty line after its head")
local method, path = head:match("^(%S+) (%S+)")
wrk.method = method
-- wrk has the URL's path here, or "/" where it has none.
if wrk.path == "/" then wrk.path = path end
wrk.body = body ~= "" and body or nil
for name, value in head:gmatch("\n([^:\r\n]+):%s*([^\r\n]*)") do
  local known = name:lower()
  -- wrk makes these two itself.
  if known ~= "host" and known ~= "content-length" then wrk.headers[name] = value end
end

wrong = 0
first_wrong = ""

local body_path = os.getenv("WRK_BODY") or ""
if body_path ~= "" then
  local want = read(body_path)
  -- Defined only when it checks: having it makes wrk collect headers and body of each answer for Lua.
  function response(status, _, got)
    if status ~= 200 or got ~= want then
      wrong = wrong + 1
      if first_wrong == "" then first_wrong = status .. " " .. got:sub(1, 200) end
    end
  end
end

local threads = {}
function setup(thread) table.insert(threads, thread) end

function done(summary, latency)
  local wrong_sum, first = 0, ""
  for _, thread in ipairs(threads) do
    wrong_sum = wrong_sum + thread:get("wrong")
    if first == "" then first = thread:get("first_wrong") end
  end
  local lost = summary.errors
  -- A wrong status is in `wrong` too when bodies are checked.
  local status_errors = body_path == "" and lost.status or 0
  io.write(string.format('{"requests_per_s":%.1f,"p50_us":%d,"p99_us":%d,"errors":%d}\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50), latency:percentile(99),
    lost.connect + lost.read + lost.write + lost.timeout + status_errors + wrong_sum))
  if first ~= "" then io.stderr:write("the first wrong answer: " .. first .. "\n") end
end
