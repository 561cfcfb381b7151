use std::fs;
use std::path::Path;
use std::time::Duration;

use chirp::packet::FrameworkError;
use chirp::reflect::{
    ArgumentDescription, Description, JsonCaller, MethodDescription, ServiceDescription, Shape,
    ValueDescription,
};
use chirp::{CallError, Peer};

use crate::call_failure;
use crate::connection::ConnectOptions;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::json_format;

/// The time that a peer may take to describe itself.
const LIMIT: Duration = Duration::from_secs(10);

/// Asks a peer for the description of a service or method, or of everything if `name` is empty.
///
/// Fails with [`ExitCode::Usage`] if the peer has reflection turned off.
pub(crate) async fn describe(peer: &Peer, name: &str) -> Result<Description, Failure> {
    describe_within(peer, name, LIMIT).await
}

/// As [`describe`], within a time limit, and within [`LIMIT`].
pub(crate) async fn describe_within(
    peer: &Peer,
    name: &str,
    limit: Duration,
) -> Result<Description, Failure> {
    let limit = limit.min(LIMIT);
    let call = JsonCaller::new(peer).describe_of(name).timeout(limit);
    call.await.map_err(|error| match error {
        CallError::UnknownMethod { .. } => Failure::usage(
            "the target does not describe itself: turn reflection on there (`builder.reflect()`)",
        ),
        CallError::DeadlineExceeded { .. } => Failure::new(
            ExitCode::TimedOut,
            format!("the target has not described itself in {limit:?}"),
        ),
        error => call_failure::of_call("the request for a description", &error),
    })
}

/// The description of a method of a peer that does not describe itself: its arguments and its result, or the items of
/// its result, may be anything.
pub(crate) fn undescribed<'a>(
    name: &str,
    arguments: impl Iterator<Item = &'a str>,
    is_stream: bool,
) -> Description {
    let any = || ValueDescription::new("any", Shape::Any, Shape::Any);
    let mut method = MethodDescription::default();
    name.clone_into(&mut method.name);
    method.arguments = arguments
        .map(|name| ArgumentDescription::new(name, any()))
        .collect();
    let value = if is_stream {
        &mut method.items
    } else {
        &mut method.result
    };
    *value = Some(any());
    let mut service = ServiceDescription::default();
    service.methods.push(method);
    let mut description = Description::default();
    description.services.push(service);
    description
}

/// Explains why a peer that describes itself has not described `name`.
pub(crate) async fn missing_method(peer: &Peer, name: &str) -> Failure {
    // Access is judged before the arguments, which are none that a method could run with.
    let probe = peer.call(format!("{name};json"), &b"!"[..]).timeout(LIMIT);
    if let Err(CallError::Rejected {
        reason: FrameworkError::PermissionDenied,
        ..
    }) = probe.await
    {
        let message = format!("not allowed to call {name:?}");
        return Failure::new(ExitCode::NotAllowed, message).of_method(name);
    }
    let Ok(all) = describe(peer, "").await else {
        return Failure::new(ExitCode::UnknownMethod, format!("unknown method {name:?}"));
    };
    if all.others.iter().any(|other| other == name) {
        return Failure::usage(format!(
            "{name:?} is served, and not described: send bytes with --raw HEX"
        ));
    }
    let methods = all.services.iter().flat_map(|service| &service.methods);
    let nearest = methods
        .filter(|method| !method.name.is_empty())
        .map(|method| (distance(name, &method.name), &method.name))
        .min();
    let hint = match nearest {
        Some((distance, nearest)) if distance <= 3 => format!(": did you mean {nearest}?"),
        _ => ": `chirp ls` lists the methods".to_owned(),
    };
    Failure::new(
        ExitCode::UnknownMethod,
        format!("unknown method {name:?}{hint}"),
    )
    .of_method(name)
}

/// Returns the number of characters by which two names differ, without regard to case, up to a limit.
fn distance(one: &str, other: &str) -> usize {
    const FAR: usize = usize::MAX;
    if one.len().abs_diff(other.len()) > 8 || one.len() > 255 || other.len() > 255 {
        return FAR;
    }
    // A method without its service is near.
    if other.rsplit('.').next() == Some(one) {
        return 1;
    }
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (at, c) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, d) in other.chars().enumerate() {
            let changed = diagonal + usize::from(c != d);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(FAR)
}

/// Returns the description of a target, or one that was saved to a file.
pub(crate) async fn load(connect: &ConnectOptions, target: &str) -> Result<Description, Failure> {
    let path = Path::new(target);
    // The file of a Unix socket is an address.
    let is_json = path
        .extension()
        .is_some_and(|extension| extension == "json");
    if path.is_file() || is_json && !target.contains("://") {
        return read(path);
    }
    let peer = connect.connect_described(target).await?;
    describe(&peer, "").await
}

/// Reads a description that was saved to a file.
pub(crate) fn read(path: &Path) -> Result<Description, Failure> {
    let shown = path.display();
    let bytes = fs::read(path).map_err(|error| Failure::file("read", shown, &error))?;
    let description: Description = serde_json::from_slice(&bytes).map_err(|error| {
        Failure::usage(format!("{} is not a description: {error}", path.display()))
    })?;
    if description.version != Description::VERSION {
        return Err(Failure::usage(format!(
            "the description in {} has version {}, and this program knows version {}",
            path.display(),
            description.version,
            Description::VERSION
        )));
    }
    Ok(description)
}

/// Saves a description to a file.
pub(crate) fn save(description: &Description, path: &Path) -> Result<(), Failure> {
    let json = serde_json::to_string(description).map_err(Failure::usage)?;
    let mut json = json_format::pretty(&json, false);
    json.push('\n');
    fs::write(path, json).map_err(|error| Failure::file("write", path.display(), &error))
}
