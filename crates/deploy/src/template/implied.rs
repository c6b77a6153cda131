//! Queues and topics that are made because a function says only of what kind they are to be. Their logical ids are those
//! that the vendor's transform gives them, so a template may refer to them.

use crate::diagnostic::Span;
use crate::template::declared::{Declared, Kind};
use crate::template::tree::{Entry, Node, Value};

/// One that lives and dies with its owner.
pub(crate) fn queue(owner: &Declared, id: String, span: Span) -> Declared {
    resource(owner, Kind::Queue, id, span)
}

fn resource(owner: &Declared, kind: Kind, id: String, span: Span) -> Declared {
    Declared {
        id,
        id_span: span,
        kind,
        properties: Node::new(span, Value::Map(Vec::new())),
        depends_on: Vec::new(),
        by_transform: true,
        metadata: None,
        ..owner.clone()
    }
}

pub(crate) fn queue_arn(id: &str, span: Span) -> Node {
    Node::call(span, "Fn::GetAtt", format!("{id}.Arn"))
}

/// Declares what it is told how functions' calls ended, where only its type is given.
pub(crate) fn declare_destinations(declared: &mut Vec<Declared>) {
    let mut made = Vec::new();
    let functions = declared.iter_mut().filter(|one| one.kind == Kind::Function);
    for function in functions {
        for outcome in ["OnSuccess", "OnFailure"] {
            made.extend(destination(function, outcome));
        }
    }
    for one in made {
        if !declared.iter().any(|known| known.id == one.id) {
            declared.push(one);
        }
    }
}

fn destination(function: &mut Declared, outcome: &str) -> Option<Declared> {
    let path = ["EventInvokeConfig", "DestinationConfig", outcome];
    let asked = path
        .iter()
        .try_fold(&function.properties, |node, key| node.get(key))?;
    if asked.get("Destination").is_some() {
        return None;
    }
    let span = asked.span;
    let id = |kind| format!("{}EventInvokeConfig{outcome}{kind}", function.id);
    let (made, arn) = match asked.get("Type")?.scalar()? {
        "SQS" => {
            let id = id("Queue");
            let arn = queue_arn(&id, span);
            (queue(function, id, span), arn)
        }
        "SNS" => {
            let id = id("Topic");
            let arn = Node::call(span, "Ref", &id);
            (resource(function, Kind::Topic, id, span), arn)
        }
        _ => return None,
    };
    let asked = path
        .iter()
        .try_fold(&mut function.properties, |node, key| node.get_mut(key))?;
    if let Value::Map(entries) = &mut asked.value {
        entries.push(Entry {
            key: "Destination".into(),
            key_span: span,
            value: arn,
        });
    }
    Some(made)
}
