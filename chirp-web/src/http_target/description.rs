use bytes::Bytes;
use chirp_runtime::packet::ErrorData;
use chirp_runtime::reflect::Description;

use super::failure::unexpected;

/// Returns the part of a description that is of the service or the method `name`, or all of it for no name.
pub(super) fn named(description: &Bytes, name: &[u8]) -> Result<Bytes, ErrorData> {
    let invalid = |error: &dyn std::fmt::Display| unexpected(&format!("the description: {error}"));
    let mut described = Description::from_json(description).map_err(|error| invalid(&error))?;
    if name.is_empty() {
        return Ok(description.clone());
    }
    for service in &mut described.services {
        if service.name.as_bytes() != name {
            service.methods.retain(|method| {
                let mut names = std::iter::once(&method.name).chain(&method.aliases);
                names.any(|known| known.as_bytes() == name)
            });
        }
    }
    described
        .services
        .retain(|service| !service.methods.is_empty());
    let json = serde_json::to_vec(&described).map_err(|error| invalid(&error))?;
    Ok(json.into())
}
