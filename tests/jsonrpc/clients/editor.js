// Drives a language server with the client library of VS Code. The arguments are the command that starts the server.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import protocol from "vscode-languageserver-protocol/node";

const {
    CancellationTokenSource,
    CompletionRequest,
    DidChangeTextDocumentNotification,
    DidOpenTextDocumentNotification,
    ExecuteCommandRequest,
    ExitNotification,
    HoverRequest,
    InitializedNotification,
    InitializeRequest,
    PublishDiagnosticsNotification,
    ShutdownRequest,
    StreamMessageReader,
    StreamMessageWriter,
    WorkDoneProgress,
    createProtocolConnection,
} = protocol;

const [program, ...args] = process.argv.slice(2);
const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
const exited = once(child, "exit");
const connection = createProtocolConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
);
connection.onError(([error]) => { throw error; });

const published = [];
let onPublished = () => {};
connection.onNotification(PublishDiagnosticsNotification.type, (params) => {
    published.push(params);
    onPublished();
});
async function diagnostics() {
    while (published.length === 0) {
        await new Promise((resolve) => { onPublished = resolve; });
    }
    return published.shift().diagnostics;
}
connection.listen();

const { capabilities } = await connection.sendRequest(InitializeRequest.type, {
    processId: process.pid, rootUri: null, capabilities: {},
});
assert.equal(capabilities.hoverProvider, true);
await connection.sendNotification(InitializedNotification.type, {});

const uri = "file:///letter.txt";
const textDocument = { uri, languageId: "plaintext", version: 1, text: "it is is ä 😀 late" };
await connection.sendNotification(DidOpenTextDocumentNotification.type, { textDocument });
assert.equal((await diagnostics()).length, 1);

// A completion sees the change before it, 100 times.
for (let version = 2; version < 102; version++) {
    connection.sendNotification(DidChangeTextDocumentNotification.type, {
        textDocument: { uri, version },
        contentChanges: [{ text: `word${version} w` }],
    });
    const items = await connection.sendRequest(CompletionRequest.type, {
        textDocument: { uri },
        position: { line: 0, character: `word${version} w`.length },
    });
    assert.deepEqual(items, [{ label: `word${version}` }]);
    assert.deepEqual(await diagnostics(), []);
}

// Requests in parallel, some of which are cancelled at once: each has an answer.
const position = { line: 0, character: 1 };
const hovers = Array.from({ length: 300 }, (_, index) => {
    const source = new CancellationTokenSource();
    const hover = connection.sendRequest(HoverRequest.type, { textDocument: { uri }, position }, source.token);
    if (index % 3 === 0) {
        source.cancel();
    }
    return hover.then(
        (found) => assert.match(found.contents, /^1 × "word101"/),
        (error) => assert.equal(error.code, -32800),
    );
});
await Promise.all(hovers);

// A command with progress that runs until it is cancelled.
const reports = [];
let onReport = () => {};
connection.onProgress(WorkDoneProgress.type, "count", (value) => {
    reports.push(value);
    onReport();
});
async function report() {
    while (reports.length === 0) {
        await new Promise((resolve) => { onReport = resolve; });
    }
    return reports.shift();
}
const source = new CancellationTokenSource();
const counting = connection.sendRequest(ExecuteCommandRequest.type, {
    command: "prose.count", arguments: [], workDoneToken: "count",
}, source.token);
assert.equal((await report()).kind, "begin");
assert.equal((await report()).message, "2 words");
source.cancel();
await assert.rejects(counting, { code: -32800 });
assert.equal((await report()).kind, "end");

await assert.rejects(connection.sendRequest("textDocument/rename", {}), { code: -32601 });
await assert.rejects(connection.sendRequest("$/unknown"), { code: -32601 });
await connection.sendNotification("$/unknown", {});
const refused = connection.sendRequest(ExecuteCommandRequest.type, { command: "prose.print" });
await assert.rejects(refused, { code: 1, data: { command: "prose.print" } });

await connection.sendRequest(ShutdownRequest.type);
await connection.sendNotification(ExitNotification.type);
const [code] = await exited;
assert.equal(code, 0);
