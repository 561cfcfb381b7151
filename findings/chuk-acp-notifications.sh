#!/usr/bin/env bash
# PyPI chuk-acp 0.3.2, an agent of the Agent Client Protocol: it answers notifications, such as the cancellation of a prompt, with
# an error that has the empty text as its ID, and answers a response with another error. The code of an unknown method is -32603.
# Guess: notifications and responses are never answered; -32601.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install chuk-acp==0.3.2

cat >agent.py <<'PY'
from chuk_acp import AgentInfo
from chuk_acp.agent import ACPAgent

class Agent(ACPAgent):
    def get_agent_info(self):
        return AgentInfo(name="agent", version="1")

    async def handle_prompt(self, session, prompt):
        return ""

Agent().run()
PY
cat >messages <<'JSON'
{"jsonrpc":"2.0","method":"session/cancel","params":{"sessionId":"s"}}
{"jsonrpc":"2.0","id":4,"result":{}}
{"jsonrpc":"2.0","id":2,"method":"missing","params":{}}
JSON
python3 agent.py <messages 2>/dev/null | expect '{"jsonrpc": "2.0", "id": "", "error": {"code": -32603, "message": "Unknown method: session/cancel"}}
{"jsonrpc": "2.0", "id": 4, "error": {"code": -32603, "message": "Unknown method: None"}}
{"jsonrpc": "2.0", "id": 2, "error": {"code": -32603, "message": "Unknown method: missing"}}'
