//! What takes requests: gateways, balancers and distributions, of which most are put together when all has been read.

use super::One;
use crate::desired::Kind as Made;
use crate::template::declared::Kind;
use crate::template::gateway::url;
use crate::template::resolve::Harvest;
use crate::template::{balancer, edge, gateway};

impl One<'_> {
    pub(super) fn api(&self) -> Option<gateway::Draft> {
        let (context, dir) = (self.resolving.context, self.resolving.document.dir());
        let name = self.name.clone()?;
        match self.declared.kind {
            Kind::RestApi => {
                let fields = self.open(gateway::REST)?;
                gateway::rest(&fields, name, context, dir, self.findings)
            }
            _ => {
                let fields = self.open(gateway::HTTP)?;
                gateway::http(&fields, name, context, dir, self.findings)
            }
        }
    }

    pub(super) fn plain_api(&self) -> Option<gateway::Draft> {
        let (schema, read): (_, fn(&_, _, &_, &_) -> _) = match self.declared.kind {
            Kind::PlainRest => (gateway::PLAIN_REST, gateway::plain_rest),
            _ => (gateway::PLAIN_API, gateway::plain_api),
        };
        let (fields, name) = self.named(schema)?;
        Some(read(&fields, name, self.resolving.context, self.findings))
    }

    pub(super) fn part(&self, part: gateway::Part) -> Option<gateway::Piece> {
        let (_, id) = self.named(part.schema())?;
        Some(gateway::Piece {
            part,
            id,
            span: self.declared.id_span,
            properties: self.properties.clone(),
        })
    }

    pub(super) fn balance(&self, part: balancer::Part) -> Option<balancer::Piece> {
        let one = self.declared;
        let arn = self.scope.balance_arn(one, part);
        self.open(part.schema())?;
        // A piece whose parent is none has no ARN, and its parent is asked for when all are put together.
        Some(balancer::Piece {
            part,
            logical_id: one.id.clone(),
            name: self.name.clone().unwrap_or_default(),
            arn: arn.unwrap_or_default(),
            span: one.id_span,
            properties: self.properties.clone(),
        })
    }

    pub(super) fn edge(&self, harvest: &mut Harvest) -> Option<()> {
        let reading = edge::Reading {
            context: self.resolving.context,
            findings: self.findings,
        };
        let (fields, name) = self.named(edge::DISTRIBUTION)?;
        let made = reading.read(&fields, name)?;
        let one = self.declared;
        harvest.edges.push((one.id.clone(), made, one.id_span));
        Some(())
    }

    pub(super) fn client_key(&self) -> Option<Made> {
        let (fields, name) = self.named(gateway::KEY)?;
        Some(Made::ClientKey(gateway::key(&fields, name)))
    }

    pub(super) fn plan(&self, harvest: &mut Harvest) {
        if let Some((fields, name)) = self.named(gateway::PLAN) {
            let plan = gateway::plan(&fields, name, self.findings);
            harvest.plans.insert(self.declared.id.clone(), plan);
        }
    }

    pub(super) fn plan_key(&self, harvest: &mut Harvest) {
        let fields = self.open(gateway::PLAN_KEY);
        if let Some(member) = fields.and_then(|fields| gateway::member(&fields)) {
            harvest.plan_keys.push((member, self.declared.id_span));
        }
    }

    /// Of a function's `FunctionUrlConfig`.
    pub(super) fn function_url(&self, harvest: &mut Harvest) -> Option<Made> {
        let (one, scope) = (self.declared, self.scope);
        let function = scope.declared(gateway::owner(one));
        let reached = function.and_then(|function| {
            scope.on_behalf(&one.id, || scope.depend(&function.id, one.id_span));
            Some(url::Reached {
                function: scope.physical(function)?,
                alias: scope.property(function, "AutoPublishAlias"),
            })
        });
        let (fields, name) = self.named(url::CONFIG)?;
        let reached = reached?;
        harvest.urls.push((reached.clone(), one.id_span));
        url::read(&fields, name, reached, self.findings).map(Made::Gateway)
    }

    pub(super) fn plain_url(&self, harvest: &mut Harvest) -> Option<Made> {
        let named = self.scope.function_of(self.declared);
        let (fields, name) = self.named(url::APART)?;
        let reached = url::reached(&fields, named, self.findings)?;
        let place = fields.place("TargetFunctionArn");
        harvest.urls.push((reached.clone(), place));
        url::read(&fields, name, reached, self.findings).map(Made::Gateway)
    }
}
