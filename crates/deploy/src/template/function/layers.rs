//! The layers that a function uses.

use super::Reading;
use crate::desired::LayerUse;
use crate::diagnostic::Finding;
use crate::public_layer::PublicLayer;
use crate::template::declared::MARK;
use crate::template::scalar;
use crate::template::tree::Node;

const MOST_LAYERS: usize = 5;
/// Layers of the vendor's that only watch a function. Their account is another one in many regions.
const WATCHERS: [&str; 2] = ["LambdaInsightsExtension", "LambdaInsightsExtension-Arm64"];

impl Reading<'_> {
    pub(super) fn layers(&self) -> Vec<LayerUse> {
        let items = self.fields.list("Layers").unwrap_or_default();
        if items.len() > MOST_LAYERS {
            self.say(self.error(
                "Layers",
                format!("a function has at most {MOST_LAYERS} layers"),
            ));
        }
        items.iter().filter_map(|item| self.layer(item)).collect()
    }

    /// An ARN; that of a layer of the template is without a number, and means its newest version.
    fn layer(&self, node: &Node) -> Option<LayerUse> {
        if node.is_broken() {
            return None;
        }
        let start = self.context.arn("lambda", "layer:");
        let text = scalar::text(node, self.findings.report).unwrap_or_default();
        let name = text.strip_prefix(&start).map(|rest| rest.split_once(':'));
        match (text.strip_suffix(MARK), name) {
            (Some(own), _) if own.starts_with(&start) => Some(LayerUse {
                name: own[start.len()..].to_owned(),
                version: None,
                public: None,
            }),
            (None, Some(Some((name, number)))) if number.parse::<u64>().is_ok() => Some(LayerUse {
                name: name.to_owned(),
                version: number.parse().ok(),
                public: None,
            }),
            _ if is_foreign_layer(&text, &self.context.account) => self.foreign_layer(node, &text),
            _ => {
                self.say(
                    Finding::error(node.span, "`Layers` must name versions of layers")
                        .why(format!("this is {}", node.kind()))
                        .help("write `!Ref TheLayer`, or the ARN of a version of this account and region"),
                );
                None
            }
        }
    }

    /// Whichever region it is named in: it is in every one, and here there is one.
    fn foreign_layer(&self, node: &Node, arn: &str) -> Option<LayerUse> {
        let parts: Vec<&str> = arn.split(':').collect();
        if let [_, _, _, _, _, _, name, _] = parts[..]
            && WATCHERS.contains(&name)
        {
            let message = format!("the layer `{name}` is left out");
            self.say(Finding::notice(node.span, message).why("nothing is monitored"));
            return None;
        }
        let runtime = self.fields.text("Runtime").unwrap_or_default();
        if let [_, _, _, _, account, _, name, number] = parts[..]
            && let Ok(version) = number.parse()
            && let Some(public) = PublicLayer::find(account, name, &runtime)
        {
            let content = public.content.said();
            self.say(
                Finding::notice(node.span, format!("the layer `{name}:{number}` is made of packages: {content}"))
                    .why("its account is not here; the newest of them that there were when it was made stand in for any version of it"),
            );
            return Some(LayerUse {
                name: name.to_owned(),
                version: Some(version),
                public: Some(public),
            });
        }
        self.say(
            Finding::error(node.span, format!("`{arn}` is of another account, which is not here"))
                .help("add the layer's content to the template as an `AWS::Serverless::LayerVersion`, or to the code"),
        );
        None
    }
}

/// Whether this is the ARN of a layer of somebody else.
fn is_foreign_layer(text: &str, own: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    matches!(parts.as_slice(), ["arn", _, "lambda", _, account, "layer", ..] if *account != own)
}
