//! Functions that are named by a stage's variables: each stage of a gateway may have another function, or another alias of one.

use std::collections::BTreeMap;

use triggers::{Asked, Callee, Target};

/// As good as none.
const LATEST: &str = "$LATEST";

const START: &str = "${stageVariables.";

/// The function that is meant in a stage.
pub(super) fn target(target: &Target, variables: &BTreeMap<String, String>) -> Target {
    Target {
        space: target.space.clone(),
        function: filled(&target.function, variables),
        qualifier: target
            .qualifier
            .as_deref()
            .map(|text| filled(text, variables))
            .filter(|qualifier| qualifier != LATEST),
    }
}

/// The service that is meant in a stage.
pub(super) fn callee(callee: &Callee, variables: &BTreeMap<String, String>) -> Callee {
    Callee {
        service: callee.service.clone(),
        asked: match &callee.asked {
            Asked::Path(path) => Asked::Path(filled(path, variables)),
            Asked::Operation(name) => Asked::Operation(filled(name, variables)),
            Asked::Address(address) => Asked::Address(filled(address, variables)),
        },
    }
}

/// A variable that the stage does not have is nothing, and so names no function.
pub(super) fn filled(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut pieces = text.split(START);
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once('}').unwrap_or((piece, ""));
        whole.push_str(variables.get(name).map_or("", String::as_str));
        whole.push_str(rest);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_put_together_from_variables() {
        let variables = [("color", "blue"), ("alias", "live")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let variables = BTreeMap::from(variables);
        let filled = |text| filled(text, &variables);
        assert_eq!(filled("front"), "front");
        assert_eq!(filled("${stageVariables.color}"), "blue");
        assert_eq!(
            filled("a-${stageVariables.color}-${stageVariables.alias}-z"),
            "a-blue-live-z"
        );
        assert_eq!(filled("a-${stageVariables.none}"), "a-");
    }
}
