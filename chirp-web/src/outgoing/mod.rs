//! Requests that this side sends to destinations that others name, such as response hooks: only where the operator allows it.
