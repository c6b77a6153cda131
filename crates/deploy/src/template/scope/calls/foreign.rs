//! What other stacks yield. Before anything is deployed nobody knows that: then nothing is yielded, and nothing said.

use super::Calling;
use crate::diagnostic::Finding;
use crate::template::nearest::did_you_mean;
use crate::template::tree::Node;

const FIRST: &str = "it must be deployed first";

impl Calling<'_> {
    /// What another stack exports, and then cannot take away.
    pub(super) fn import(&self) -> Option<Node> {
        let name = self.text(&self.call.argument, "the name of an export")?;
        let others = self.scope.others()?;
        let Some(value) = others.exports.get(&name) else {
            let names = others.exports.keys().map(String::as_str);
            self.missing(format!("no stack exports `{name}`"), &name, names);
            return None;
        };
        self.scope.import(&name);
        Some(self.scope.yielded(self.span, value.clone()))
    }

    /// An output of another stack as it is now. Whose role may read it there does not matter here.
    pub(super) fn stack_output(&self) -> Option<Node> {
        let shape = "a mapping with `StackName` and `OutputName`";
        let known = ["OutputName", "Region", "RoleArn", "StackName"];
        let entries = self.call.argument.entries().unwrap_or_default();
        if entries.iter().any(|entry| !known.contains(&&*entry.key)) {
            return self.refuse(shape);
        }
        let field = |name| self.call.argument.get(name);
        let (Some(stack), Some(output)) = (field("StackName"), field("OutputName")) else {
            return self.refuse(shape);
        };
        let stack = self.text(stack, shape)?;
        let output = self.text(output, shape)?;
        if let Some(region) = field("Region") {
            self.note_region(&self.text(region, shape)?);
        }
        let others = self.scope.others()?;
        let Some(outputs) = others.outputs.get(&stack) else {
            let names = others.outputs.keys().map(String::as_str);
            self.missing(format!("there is no stack `{stack}`"), &stack, names);
            return None;
        };
        let Some(value) = outputs.get(&output) else {
            let names = outputs.keys().map(String::as_str);
            let message = format!("the stack `{stack}` has no output `{output}`");
            self.missing(message, &output, names);
            return None;
        };
        Some(self.scope.yielded(self.span, value.clone()))
    }

    fn note_region(&self, region: &str) {
        let own = &self.scope.context.region;
        if region != own {
            let message = format!("the stack is looked for in {own}, not in {region}");
            let finding = Finding::notice(self.span, message);
            self.scope.report.add(finding.why("there is one region"));
        }
    }

    fn missing<'n>(&self, message: String, name: &str, names: impl Iterator<Item = &'n str>) {
        let finding = Finding::error(self.span, message).why(FIRST);
        self.scope
            .report
            .add(finding.maybe_help(did_you_mean(name, names)));
    }
}
