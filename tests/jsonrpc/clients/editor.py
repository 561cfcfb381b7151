"""Drives a language server with pygls and lsprotocol. The arguments are the command that starts the server."""

import asyncio
import sys

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

URI = "file:///letter.txt"


async def main() -> None:
    client = LanguageClient("tests", "1")
    published: asyncio.Queue[types.PublishDiagnosticsParams] = asyncio.Queue()
    reports: asyncio.Queue[types.ProgressParams] = asyncio.Queue()

    @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def on_diagnostics(params: types.PublishDiagnosticsParams) -> None:
        published.put_nowait(params)

    @client.feature(types.PROGRESS)
    def on_progress(params: types.ProgressParams) -> None:
        reports.put_nowait(params)

    await client.start_io(*sys.argv[1:])
    initialized = await client.initialize_async(
        types.InitializeParams(capabilities=types.ClientCapabilities())
    )
    assert initialized.capabilities.hover_provider is True
    client.initialized(types.InitializedParams())

    document = types.TextDocumentItem(uri=URI, language_id="plaintext", version=1, text="it is is late")
    client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=document))
    diagnostics = (await published.get()).diagnostics
    assert [diagnostic.range.start.character for diagnostic in diagnostics] == [6], diagnostics

    for version in range(2, 52):
        text = f"word{version} w"
        change = types.TextDocumentContentChangeWholeDocument(text=text)
        identifier = types.VersionedTextDocumentIdentifier(uri=URI, version=version)
        client.text_document_did_change(
            types.DidChangeTextDocumentParams(text_document=identifier, content_changes=[change])
        )
        completions = await client.text_document_completion_async(
            types.CompletionParams(
                text_document=types.TextDocumentIdentifier(uri=URI),
                position=types.Position(line=0, character=len(text)),
            )
        )
        assert [item.label for item in completions] == [f"word{version}"], completions

    place = types.HoverParams(
        text_document=types.TextDocumentIdentifier(uri=URI),
        position=types.Position(line=0, character=1),
    )
    hovers = await asyncio.gather(*(client.text_document_hover_async(place) for _ in range(200)))
    assert all(hover.contents == '1 × "word51" in the open documents' for hover in hovers), hovers

    # A future of pygls that is cancelled tells the server nothing.
    command = types.ExecuteCommandParams(command="prose.count", work_done_token="count")
    counting = asyncio.ensure_future(
        client.protocol.send_request_async(types.WORKSPACE_EXECUTE_COMMAND, command, msg_id="the count")
    )
    for _ in range(2):
        report = await reports.get()
        assert report.token == "count", report
    client.cancel_request(types.CancelParams(id="the count"))
    try:
        await counting
    except JsonRpcException as error:
        assert error.code == -32800, error
    else:
        raise AssertionError("the request was not cancelled")
    report = await reports.get()
    kind = report.value["kind"] if isinstance(report.value, dict) else report.value.kind
    assert kind == "end", report

    try:
        await client.workspace_execute_command_async(types.ExecuteCommandParams(command="prose.print"))
    except JsonRpcException as error:
        assert error.code == 1, error
    else:
        raise AssertionError("the command is unknown")

    await client.shutdown_async(None)
    client.exit(None)
    await client.stop()


asyncio.run(asyncio.wait_for(main(), 60))
