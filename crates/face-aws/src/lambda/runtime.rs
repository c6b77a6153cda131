//! The runtimes that the service has or had: the one place that says which of them new functions may use.

use super::error::invalid;
use crate::protocol::Fault;

/// What functions are created with and changed to, as the service lists it. A runtime whose support has ended stays here
/// until the published day on which the service begins to refuse it.
const TAKEN: [&str; 31] = [
    "nodejs26.x",
    "nodejs24.x",
    "nodejs22.x",
    "nodejs20.x",
    "nodejs18.x",
    "nodejs16.x",
    "python3.15",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python3.9",
    "python3.8",
    "java25",
    "java21",
    "java17",
    "java17.al2023",
    "java11",
    "java11.al2023",
    "java8.al2",
    "java8.al2023",
    "dotnet10",
    "dotnet8",
    "dotnet6",
    "ruby4.0",
    "ruby3.4",
    "ruby3.3",
    "ruby3.2",
    "provided.al2023",
    "provided.al2",
];

/// Past the day on which functions could last be created with them.
const RETIRED: [&str; 20] = [
    "nodejs14.x",
    "nodejs12.x",
    "nodejs10.x",
    "nodejs8.10",
    "nodejs6.10",
    "nodejs4.3-edge",
    "nodejs4.3",
    "nodejs",
    "python3.7",
    "python3.6",
    "python2.7",
    "java8",
    "dotnetcore3.1",
    "dotnetcore2.1",
    "dotnetcore2.0",
    "dotnetcore1.0",
    "ruby2.7",
    "ruby2.5",
    "go1.x",
    "provided",
];

/// Refuses what no function can be created with, or changed to, and what this host's catalogue does not run.
pub(super) fn check(id: &str) -> Result<(), Fault> {
    if RETIRED.contains(&id) {
        return Err(invalid(format!(
            "The runtime parameter of {id} is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions."
        )));
    }
    if !TAKEN.contains(&id) {
        let taken = TAKEN.join(", ");
        return Err(invalid(format!(
            "Value {id} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{taken}] or be a valid ARN"
        )));
    }
    runtimes::check(id)
        .map(drop)
        .map_err(|_| Fault::not_implemented(&format!("the runtime {id}")))
}

/// Whether a layer may say that it is for functions of this runtime: for those that are there still, too.
fn is_known(id: &str) -> bool {
    TAKEN.contains(&id) || RETIRED.contains(&id)
}

/// Checks what a layer says that it is for.
pub(super) fn check_compatible(ids: &[String]) -> Result<(), Fault> {
    match ids.iter().all(|id| is_known(id)) {
        true => Ok(()),
        false => Err(Fault::validation(format!(
            "1 validation error detected: Value '[{}]' at 'compatibleRuntimes' failed to satisfy constraint: Member must satisfy constraint: [{}]",
            ids.join(", "),
            known(),
        ))),
    }
}

/// Checks which runtime listed layers are to be for.
pub(super) fn check_wanted(id: Option<&str>) -> Result<(), Fault> {
    match id.filter(|id| !is_known(id)) {
        None => Ok(()),
        Some(id) => Err(Fault::validation(format!(
            "1 validation error detected: Value '{id}' at 'compatibleRuntime' failed to satisfy constraint: {}",
            known(),
        ))),
    }
}

fn known() -> String {
    let all = [TAKEN.as_slice(), &RETIRED].concat().join(", ");
    format!("Member must satisfy enum value set: [{all}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_retired_unknown_or_not_built_is_refused_each_in_its_words() {
        for id in [
            "nodejs18.x",
            "nodejs26.x",
            "python3.9",
            "python3.15",
            "provided.al2",
        ] {
            check(id).unwrap();
        }
        for (id, code, words) in [
            (
                "nodejs12.x",
                "InvalidParameterValueException",
                "no longer supported",
            ),
            (
                "python3.6",
                "InvalidParameterValueException",
                "no longer supported",
            ),
            (
                "go1.x",
                "InvalidParameterValueException",
                "no longer supported",
            ),
            (
                "nodejs99.x",
                "InvalidParameterValueException",
                "enum value set: [nodejs26.x, ",
            ),
            (
                "nodejs21.x",
                "InvalidParameterValueException",
                "] or be a valid ARN",
            ),
            ("java21", "NotImplementedException", "java21"),
        ] {
            let refused = check(id).unwrap_err();
            assert_eq!(refused.code, code, "{id}");
            assert!(refused.message.unwrap().contains(words), "{id}");
        }
    }

    #[test]
    fn layers_may_be_for_what_is_retired() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        check_compatible(&ids(&["nodejs12.x", "python3.13"])).unwrap();
        let refused = check_compatible(&ids(&["nodejs99.x", "python3.13"])).unwrap_err();
        let message = refused.message.unwrap();
        let begins = "1 validation error detected: Value '[nodejs99.x, python3.13]' at 'compatibleRuntimes' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [";
        assert!(
            message.starts_with(begins) && message.ends_with("]]"),
            "{message}"
        );
        check_wanted(Some("ruby2.5")).unwrap();
        check_wanted(Some("nodejs99.x")).unwrap_err();
    }
}
