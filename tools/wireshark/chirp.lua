-- A dissector for Chirp v0 and its extensions (PROTOCOL.md), for Wireshark 3.6 and later.
--
-- Finds Chirp in TCP connections by itself, in records of `chirp record` and in live captures. Copy this file to the folder
-- that Wireshark names under Help > About > Folders > Personal Lua Plugins, or use `tshark -X lua_script:chirp.lua`.
--
-- Display filters: chirp.method == "Arith.sum", chirp.time > 0.1, chirp.code != 0, chirp.error.code == 17, chirp.stream == 5

local chirp = Proto("chirp", "Chirp")

local HEADER = 8
local REQUEST, CANCEL, RESPONSE = 2, 3, 4
local CONTEXT, ITEMS, CREDIT, END = 0xC700, 0xC701, 0xC702, 0xC703
local ONE_WAY, COMPRESSED, GOING_AWAY, OPEN = 0xC704, 0xC705, 0xC706, 0xC707

local TYPES = {
    [REQUEST] = "Request",
    [CANCEL] = "Cancel",
    [RESPONSE] = "Response",
    [CONTEXT] = "Call context",
    [ITEMS] = "Stream items",
    [CREDIT] = "Stream credit",
    [END] = "Stream end",
    [ONE_WAY] = "One-way request",
    [COMPRESSED] = "Compressed packet",
    [GOING_AWAY] = "Going away",
    [OPEN] = "Stream open",
}

local CODES = {
    [0] = "success",
    [1] = "unknown method",
    [2] = "duplicate request",
    [3] = "cancelled",
    [4] = "service error",
}

local FRAMEWORK_ERRORS = {
    [0xC700] = "busy",
    [0xC701] = "shutting down",
    [0xC702] = "the handler panicked",
    [0xC703] = "the deadline passed",
    [0xC704] = "bad arguments",
    [0xC705] = "too large",
    [0xC706] = "unsupported",
    [0xC707] = "no answer",
    [0xC708] = "bad result",
    [0xC709] = "unknown stream",
    [0xC70A] = "forbidden",
    [0xC70B] = "metadata too large",
}

local CODECS = { [0] = "bincode", [1] = "Postcard", [2] = "MessagePack", [3] = "JSON", [4] = "raw" }
local REASONS = { [0] = "finished", [1] = "failed", [2] = "cancelled", [3] = "refused" }
local KINDS = { [1] = "deadline", [2] = "trace context", [3] = "metadata" }

local f = {
    protocol = ProtoField.uint8("chirp.protocol", "Protocol number"),
    type = ProtoField.uint16("chirp.type", "Type", base.HEX, TYPES),
    length = ProtoField.uint32("chirp.length", "Payload length"),
    id = ProtoField.uint32("chirp.id", "Request id"),
    method = ProtoField.string("chirp.method", "Method"),
    params = ProtoField.bytes("chirp.params", "Parameters"),
    code = ProtoField.uint8("chirp.code", "Result code", base.DEC, CODES),
    data = ProtoField.bytes("chirp.data", "Data"),
    response_in = ProtoField.framenum("chirp.response_in", "Response in", base.NONE, frametype.RESPONSE),
    response_to = ProtoField.framenum("chirp.response_to", "Request in", base.NONE, frametype.REQUEST),
    cancels = ProtoField.framenum("chirp.cancels", "Cancels the request in", base.NONE, frametype.REQUEST),
    time = ProtoField.relative_time("chirp.time", "Time since the request"),
    error_code = ProtoField.uint16("chirp.error.code", "Error code", base.DEC),
    error_name = ProtoField.string("chirp.error.framework", "Framework error"),
    error_message = ProtoField.string("chirp.error.message", "Error message"),
    error_data = ProtoField.bytes("chirp.error.data", "Error data"),
    payload = ProtoField.bytes("chirp.payload", "Payload"),
    stream = ProtoField.uint32("chirp.stream", "Stream number"),
    stream_own = ProtoField.bool("chirp.stream.of_sender", "Opened by the sender of this packet"),
    stream_to_opener = ProtoField.bool("chirp.stream.to_opener", "Items go to the opener"),
    stream_bound = ProtoField.bool("chirp.stream.bound", "Bound to the call"),
    stream_result = ProtoField.bool("chirp.stream.result", "Result of the call"),
    codec = ProtoField.uint8("chirp.stream.codec", "Codec", base.DEC, CODECS),
    window = ProtoField.uint32("chirp.stream.window", "Window"),
    credit = ProtoField.uint32("chirp.stream.credit", "Credit"),
    items = ProtoField.uint16("chirp.stream.items", "Number of items"),
    item = ProtoField.bytes("chirp.stream.item", "Item"),
    reason = ProtoField.uint8("chirp.stream.reason", "Reason", base.DEC, REASONS),
    sent_items = ProtoField.uint64("chirp.stream.total", "Items in all"),
    kind = ProtoField.uint8("chirp.context.kind", "Kind", base.HEX, KINDS),
    deadline = ProtoField.uint32("chirp.context.deadline", "Deadline (ms)"),
    trace_id = ProtoField.bytes("chirp.context.trace_id", "Trace id"),
    parent_id = ProtoField.bytes("chirp.context.parent_id", "Parent id"),
    flags = ProtoField.uint8("chirp.context.trace_flags", "Trace flags", base.HEX),
    tracestate = ProtoField.string("chirp.context.tracestate", "Trace state"),
    key = ProtoField.string("chirp.context.key", "Metadata key"),
    value = ProtoField.bytes("chirp.context.value", "Metadata value"),
    context_data = ProtoField.bytes("chirp.context.data", "Value"),
    inner_type = ProtoField.uint16("chirp.compressed.type", "Type of the packet inside", base.HEX, TYPES),
    inner_length = ProtoField.uint32("chirp.compressed.length", "Length of the payload inside"),
    block = ProtoField.bytes("chirp.compressed.block", "LZ4 block"),
    grace = ProtoField.uint32("chirp.grace", "Time for running calls (ms)"),
    revision = ProtoField.uint16("chirp.hello.revision", "Revision"),
    extensions = ProtoField.uint64("chirp.hello.extensions", "Extensions", base.HEX),
    limit = ProtoField.uint32("chirp.hello.payload_limit", "Payload limit"),
    running = ProtoField.uint32("chirp.hello.running_limit", "Running limit"),
}
local fields = {}
for _, field in pairs(f) do
    fields[#fields + 1] = field
end
chirp.fields = fields

local e = {
    malformed = ProtoExpert.new("chirp.malformed", "Malformed packet", expert.group.MALFORMED, expert.severity.ERROR),
    foreign = ProtoExpert.new("chirp.foreign", "Not a packet of Chirp", expert.group.PROTOCOL, expert.severity.WARN),
    service_error = ProtoExpert.new("chirp.failed", "Service error", expert.group.RESPONSE_CODE, expert.severity.NOTE),
    unanswered = ProtoExpert.new("chirp.unknown_request", "No request with this id was seen", expert.group.SEQUENCE, expert.severity.CHAT),
}
chirp.experts = { e.malformed, e.foreign, e.service_error, e.unanswered }

local tcp_stream = Field.new("tcp.stream")

-- The calls: `pending` by connection, caller and id, while the capture is read for the first time; `seen` by frame, type and
-- id, for good.
local pending, seen = {}, {}
function chirp.init()
    pending, seen = {}, {}
end

local function name_of(type)
    return TYPES[type] or string.format("Packet of type %d", type)
end

local function is_known(type)
    return TYPES[type] ~= nil or type >= 128
end

-- The connection and the sender or the receiver of a packet, by their address and port.
local function side(pinfo, is_sender)
    local stream = tcp_stream()
    local address, port = pinfo.src, pinfo.src_port
    if not is_sender then
        address, port = pinfo.dst, pinfo.dst_port
    end
    return string.format("%s %s:%d", stream and stream.value or 0, tostring(address), port)
end

-- Notes a request when the capture is read for the first time, and returns its call.
local function call_of_request(pinfo, id, method)
    local key = string.format("%d request %d", pinfo.number, id)
    if not pinfo.visited then
        local call = { frame = pinfo.number, time = pinfo.abs_ts, method = method }
        seen[key] = call
        pending[side(pinfo, true) .. " " .. id] = call
    end
    return seen[key]
end

-- Finds the call of a response, or of a cancel, which comes from the caller.
local function call_of_answer(pinfo, id, is_cancel)
    local key = string.format("%d %s %d", pinfo.number, is_cancel and "cancel" or "response", id)
    if not pinfo.visited then
        local place = side(pinfo, is_cancel) .. " " .. id
        local call = pending[place]
        if call and not is_cancel then
            call.response = pinfo.number
            pending[place] = nil
        end
        seen[key] = call
    end
    return seen[key]
end

-- Shows data in JSON as such, and other data as bytes.
local function show_data(field, range, is_json, pinfo, tree)
    if range:len() == 0 then
        return
    end
    tree:add(field, range)
    local json = is_json and Dissector.get("json")
    if json then
        -- The columns stay those of this protocol.
        pcall(json.call, json, range:tvb(), pinfo, tree)
    end
end

local function is_json(method)
    return method:sub(-5) == ";json" or method == "chirp.reflect.describe"
end

-- Error data. Returns a text.
local function error_data(range, tree)
    if range:len() == 0 then
        return ""
    end
    if range:len() < 4 or range:len() < 4 + range(2, 2):uint() then
        tree:add_proto_expert_info(e.malformed, "The error data end inside of a field")
        return ", malformed error data"
    end
    local code, length = range(0, 2):uint(), range(2, 2):uint()
    tree:add(f.error_code, range(0, 2))
    local message = range(4, length):string(ENC_UTF_8)
    tree:add(f.error_message, range(4, length))
    local name
    if range:len() > 4 + length then
        local data = range(4 + length)
        tree:add(f.error_data, data)
        if data:len() >= 2 and data(0, 2):uint() == 0xC745 then
            name = FRAMEWORK_ERRORS[code] or "unknown"
            tree:add(f.error_name, range(0, 2), name)
        end
    end
    return string.format(" %s %q", name or tostring(code), message)
end

local function hello(range, tree)
    if range:len() < 31 then
        return
    end
    tree:add(f.revision, range(13, 2))
    tree:add(f.extensions, range(15, 8))
    tree:add(f.limit, range(23, 4))
    tree:add(f.running, range(27, 4))
end

local function stream_id(range, tree)
    local id = range(0, 4):uint()
    local is_own = id < 0x80000000
    local number = is_own and id or id - 0x80000000
    tree:add(f.stream, range(0, 4), number)
    tree:add(f.stream_own, range(0, 4), is_own)
    return string.format("%s %d", is_own and "own" or "other's", number)
end

-- One function for each type: takes the payload, adds fields, and returns a text for the info column. An error is a
-- malformed packet.
local payloads = {}

payloads[REQUEST] = function(range, pinfo, tree)
    local id, length = range(0, 4):uint(), range(4, 1):uint()
    tree:add(f.id, range(0, 4))
    local method = length > 0 and range(5, length):string(ENC_UTF_8) or ""
    tree:add(f.method, range(5, length), method)
    local call = call_of_request(pinfo, id, method)
    if call and call.response then
        tree:add(f.response_in, call.response):set_generated()
    end
    local params = range:len() - 5 - length
    if params > 0 then
        local rest = range(5 + length)
        show_data(f.params, rest, is_json(method), pinfo, tree)
        if method == "chirp.hello" then
            hello(rest, tree)
        end
    end
    return string.format("Request %d %s", id, method)
end

payloads[RESPONSE] = function(range, pinfo, tree)
    local id, code = range(0, 4):uint(), range(4, 1):uint()
    tree:add(f.id, range(0, 4))
    tree:add(f.code, range(4, 1))
    local call = call_of_answer(pinfo, id, false)
    local method, after = "", ""
    if call then
        method = " " .. call.method
        tree:add(f.method, call.method):set_generated()
        tree:add(f.response_to, call.frame):set_generated()
        local time = pinfo.abs_ts - call.time
        tree:add(f.time, NSTime.new(math.floor(time), math.floor(time % 1 * 1e9 + 0.5))):set_generated()
        after = string.format(" (%.3f ms)", time * 1000)
    else
        tree:add_proto_expert_info(e.unanswered)
    end
    local text = CODES[code]
    if not text then
        error("the result code is above 4")
    end
    if range:len() > 5 then
        local data = range(5)
        if code == 4 then
            text = text .. error_data(data, tree)
        else
            show_data(f.data, data, call and is_json(call.method), pinfo, tree)
            if call and call.method == "chirp.hello" then
                hello(data, tree)
            end
        end
    end
    if code == 4 then
        tree:add_proto_expert_info(e.service_error, text)
    end
    return string.format("Response %d%s %s%s", id, method, text, after)
end

payloads[CANCEL] = function(range, pinfo, tree)
    if range:len() ~= 4 then
        error("a Cancel has exactly 4 bytes")
    end
    local id = range(0, 4):uint()
    tree:add(f.id, range(0, 4))
    local call = call_of_answer(pinfo, id, true)
    if call then
        tree:add(f.method, call.method):set_generated()
        tree:add(f.cancels, call.frame):set_generated()
    end
    return string.format("Cancel %d%s", id, call and " " .. call.method or "")
end

payloads[ONE_WAY] = function(range, pinfo, tree)
    local length = range(0, 1):uint()
    local method = length > 0 and range(1, length):string(ENC_UTF_8) or ""
    tree:add(f.method, range(1, length), method)
    if range:len() > 1 + length then
        show_data(f.params, range(1 + length), is_json(method), pinfo, tree)
    end
    return "One-way request " .. method
end

payloads[CONTEXT] = function(range, _, tree)
    local at, texts = 0, {}
    while at < range:len() do
        local kind, length = range(at, 1):uint(), range(at + 1, 2):uint()
        local field = tree:add(f.kind, range(at, 1))
        if length > 0 then
            local value = range(at + 3, length)
            if kind == 1 and length == 4 then
                field:add(f.deadline, value)
                texts[#texts + 1] = string.format("deadline %d ms", value:uint())
            elseif kind == 2 and length >= 25 then
                field:add(f.trace_id, value(0, 16))
                field:add(f.parent_id, value(16, 8))
                field:add(f.flags, value(24, 1))
                if length > 25 then
                    field:add(f.tracestate, value(25))
                end
                texts[#texts + 1] = "trace"
            elseif kind == 3 and value(0, 1):uint() > 0 then
                local key = value(0, 1):uint()
                field:add(f.key, value(1, key))
                if length > 1 + key then
                    field:add(f.value, value(1 + key))
                end
                texts[#texts + 1] = value(1, key):string(ENC_UTF_8)
            else
                field:add(f.context_data, value)
            end
        end
        at = at + 3 + length
    end
    return "Call context: " .. table.concat(texts, ", ")
end

payloads[OPEN] = function(range, _, tree)
    local texts = {}
    for at = 0, range:len() - 1, 10 do
        local entry = range(at, 10)
        local flags = entry(4, 1):uint()
        local node = tree:add(chirp, entry, "Stream " .. entry(0, 4):uint())
        node:add(f.stream, entry(0, 4))
        node:add(f.stream_to_opener, entry(4, 1), bit.band(flags, 1) ~= 0)
        node:add(f.stream_bound, entry(4, 1), bit.band(flags, 2) ~= 0)
        node:add(f.stream_result, entry(4, 1), bit.band(flags, 4) ~= 0)
        node:add(f.codec, entry(5, 1))
        node:add(f.window, entry(6, 4))
        if #texts < 8 then
            texts[#texts + 1] = string.format("%d %s opener", entry(0, 4):uint(), bit.band(flags, 1) ~= 0 and "to" or "from")
        end
    end
    return "Stream open " .. table.concat(texts, ", ")
end

payloads[ITEMS] = function(range, _, tree)
    local text = stream_id(range, tree)
    local count = range(4, 2):uint()
    tree:add(f.items, range(4, 2))
    local at = 6
    for _ = 1, count do
        local length = range(at, 4):uint()
        tree:add(f.item, range(at + 4, length))
        at = at + 4 + length
    end
    return string.format("Stream items %s: %d", text, count)
end

payloads[CREDIT] = function(range, _, tree)
    local texts = {}
    for at = 0, range:len() - 1, 8 do
        local text = stream_id(range(at, 8), tree)
        tree:add(f.credit, range(at + 4, 4))
        if #texts < 8 then
            texts[#texts + 1] = string.format("%s +%d", text, range(at + 4, 4):uint())
        end
    end
    return "Stream credit " .. table.concat(texts, ", ")
end

payloads[END] = function(range, _, tree)
    local text = stream_id(range, tree)
    local reason = range(4, 1):uint()
    tree:add(f.reason, range(4, 1))
    tree:add(f.sent_items, range(5, 8))
    local error = range:len() > 13 and error_data(range(13), tree) or ""
    return string.format("Stream end %s %s%s", text, REASONS[reason] or "failed", error)
end

payloads[COMPRESSED] = function(range, _, tree)
    local type = range(0, 2):uint()
    tree:add(f.inner_type, range(0, 2))
    tree:add(f.inner_length, range(2, 4))
    tree:add(f.block, range(6))
    return string.format("Compressed %s, %d bytes", name_of(type), range(2, 4):uint())
end

payloads[GOING_AWAY] = function(range, _, tree)
    tree:add(f.grace, range(0, 4))
    local error = range:len() > 4 and error_data(range(4), tree) or ""
    return "Going away" .. error
end

-- The texts of the packets in the present segment.
local texts = {}

local function dissect_packet(tvb, pinfo, root)
    local type, length = tvb(2, 2):uint(), tvb(4, 4):uint()
    local tree = root:add(chirp, tvb())
    tree:add(f.protocol, tvb(1, 1))
    tree:add(f.type, tvb(2, 2))
    tree:add(f.length, tvb(4, 4))
    local text = name_of(type)
    local dissect = tvb(1, 1):uint() == 0 and payloads[type]
    if dissect then
        local range = length > 0 and tvb(HEADER) or tvb(HEADER, 0)
        local is_whole, result = pcall(dissect, range, pinfo, tree)
        if is_whole then
            text = result
        else
            text = text .. ", malformed"
            tree:add_proto_expert_info(e.malformed, tostring(result))
        end
    elseif length > 0 then
        tree:add(f.payload, tvb(HEADER))
    end
    tree:append_text(": " .. text)
    if #texts < 16 then
        texts[#texts + 1] = text
    elseif #texts == 16 then
        texts[17] = "..."
    end
    return tvb:len()
end

-- More than any receiver accepts.
local MAX_LENGTH = 0x40000000

local function packet_length(tvb, _, offset)
    -- The TCP dissector computes with 32 bits: it takes a length that overflows for an error.
    return HEADER + math.min(tvb(offset + 4, 4):uint(), MAX_LENGTH)
end

local function dissect(tvb, pinfo, root)
    if tvb(0, 1):uint() ~= 0xC7 then
        root:add(chirp, tvb()):add_proto_expert_info(e.foreign)
        return 0
    end
    texts = {}
    dissect_tcp_pdus(tvb, root, HEADER, packet_length, dissect_packet)
    if #texts > 0 then
        -- A segment that ends one packet and contains others is dissected twice: the text of both is kept.
        local separator = tostring(pinfo.cols.protocol) == "Chirp" and " | " or ""
        pinfo.cols.protocol = "Chirp"
        pinfo.cols.info = separator .. table.concat(texts, " | ")
        pinfo.cols.info:fence()
    end
    return tvb:len()
end

function chirp.dissector(tvb, pinfo, root)
    return dissect(tvb, pinfo, root)
end

-- Whether a connection begins like Chirp: by the first header, and the fields behind it that are there.
local function heuristic(tvb, pinfo, root)
    if tvb:len() < HEADER or tvb(0, 2):uint() ~= 0xC700 then
        return false
    end
    local type, length = tvb(2, 2):uint(), tvb(4, 4):uint()
    if not is_known(type) then
        return false
    end
    if type == CANCEL and length ~= 4 or (type == REQUEST or type == RESPONSE) and length < 5 then
        return false
    end
    if type == RESPONSE and tvb:len() > 12 and tvb(12, 1):uint() > 4 then
        return false
    end
    if type == REQUEST and tvb:len() > 12 and length < 5 + tvb(12, 1):uint() then
        return false
    end
    pinfo.conversation = chirp
    -- Not `chirp.dissector`: called from Lua, that is one more level of dissectors, and those below the first may not ask
    -- for more segments.
    dissect(tvb, pinfo, root)
    return true
end

chirp:register_heuristic("tcp", heuristic)
-- For connections that are told to be Chirp: "Decode as", or `tshark -d tcp.port==9000,chirp`.
DissectorTable.get("tcp.port"):add_for_decode_as(chirp)
