/// The conventions of a protocol on top of JSON-RPC 2.0: how calls are cancelled, which errors have which numbers, whether
/// batches are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// JSON-RPC 2.0 as it is specified, with batches. Calls are cancelled by `$/cancelRequest`, as in LSP, which programs that
    /// do not know it ignore.
    #[default]
    Plain,
    /// The Language Server Protocol.
    Lsp,
    /// The Model Context Protocol.
    Mcp,
    /// The Agent Client Protocol.
    Acp,
}
