//! Functions, what they share, what of them is published, and what feeds them in batches.

use super::One;
use crate::desired::{Kind as Made, Told};
use crate::template::declared::Kind;
use crate::template::resolve::Harvest;
use crate::template::shape::Fields;
use crate::template::{build_method, events, function, layer, mapping, outcome, policies, version};

impl One<'_> {
    pub(super) fn function(&self, harvest: &mut Harvest) -> Option<Made> {
        let (one, resolving) = (self.declared, self.resolving);
        let is_plain = one.kind == Kind::PlainFunction;
        let schema = match is_plain {
            true => function::PLAIN_PROPERTIES,
            false => function::PROPERTIES,
        };
        let (fields, name) = self.named(schema)?;
        if let Some(policies) = fields.node("Policies") {
            policies::check(policies, resolving.report);
        }
        self.own_events(&fields, &name, harvest);
        let metadata = build_method::of(one, self.scope);
        let reading = function::Reading {
            id: &one.id,
            metadata: metadata.as_ref(),
            fields: &fields,
            findings: self.findings,
            context: resolving.context,
            place: resolving.document.place(),
            is_plain,
        };
        let function = reading.read(name, &one.role_name(resolving.context))?;
        Some(Made::Function(Box::new(function)))
    }

    fn own_events(&self, fields: &Fields<'_>, name: &str, harvest: &mut Harvest) {
        let one = self.declared;
        // What is published is called by its alias, as the vendor's transform has it.
        let alias = fields.text("AutoPublishAlias");
        let Some(events) = one.properties.get("Events") else {
            return;
        };
        for (source, asked) in events::read(events, one, name, self.scope, self.findings) {
            match asked {
                events::Asked::Rule(mut rule) => {
                    if let Told::Function { qualifier, .. } = &mut rule.rule.told {
                        qualifier.clone_from(&alias);
                    }
                    harvest.rules.entry(source).or_default().push(rule);
                }
                events::Asked::Route(mut route) => {
                    route.qualify(alias.as_deref());
                    harvest.routes.entry(source).or_default().push(*route);
                }
            }
        }
    }

    pub(super) fn layer(&self) -> Option<Made> {
        let (one, resolving) = (self.declared, self.resolving);
        let (schema, content) = match one.kind {
            Kind::Layer => (layer::PROPERTIES, "ContentUri"),
            _ => (layer::PLAIN_PROPERTIES, "Content"),
        };
        let (fields, name) = self.named(schema)?;
        let place = resolving.document.place();
        let mut layer = layer::read(&fields, content, name, place, self.findings)?;
        if let Some(metadata) = build_method::of(one, self.scope) {
            build_method::of_layer(&metadata, &one.id, &mut layer, resolving.report);
        }
        Some(Made::Layer(layer))
    }

    pub(super) fn version(&self) -> Option<Made> {
        let function = self.scope.function_of(self.declared);
        let fields = self.open(version::VERSION)?;
        let id = &self.declared.id;
        version::read_version(&fields, id, function, self.findings).map(Made::Version)
    }

    pub(super) fn alias(&self) -> Option<Made> {
        let function = self.scope.function_of(self.declared);
        let fields = self.open(version::ALIAS)?;
        version::read_alias(&fields, function, self.findings).map(Made::Alias)
    }

    pub(super) fn mapping(&self) -> Option<Made> {
        let fields = self.open(mapping::PROPERTIES)?;
        let mapping = mapping::read(&fields, self.findings)?;
        Some(Made::Mapping(Box::new(mapping)))
    }

    pub(super) fn invoke_config(&self, harvest: &mut Harvest) {
        if let Some(fields) = self.open(outcome::PROPERTIES) {
            let function = self.scope.function_of(self.declared);
            let read = outcome::read(&fields, function, self.findings);
            harvest.outcomes.extend(read);
        }
    }
}
