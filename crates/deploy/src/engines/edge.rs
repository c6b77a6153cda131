//! What stands in front of origins.

use triggers::edge;

use super::Failure;
use crate::Deployer;
use crate::desired::{Edge, EdgeBehavior, EdgeFunction, EdgeVersion};

impl Deployer {
    pub(super) async fn put_edge(&self, edge: &Edge) -> Result<bool, Failure> {
        let behaviors: Result<Vec<_>, Failure> = edge
            .behaviors
            .iter()
            .map(|behavior| self.behavior(behavior))
            .collect();
        let wanted = edge::Edge {
            id: edge.id.clone(),
            space: self.space(),
            enabled: edge.enabled,
            root: edge.root.clone(),
            origins: edge.origins.clone(),
            behaviors: behaviors?,
            pages: edge.pages.clone(),
        };
        self.engines.triggers.set_edge(&wanted).await?;
        Ok(true)
    }

    fn behavior(&self, behavior: &EdgeBehavior) -> Result<edge::Behavior, Failure> {
        let functions = behavior.functions.iter().map(|one| self.attached(one));
        Ok(edge::Behavior {
            pattern: behavior.pattern.clone(),
            origin: behavior.origin.clone(),
            methods: behavior.methods.clone(),
            query: behavior.query.clone(),
            headers: behavior.headers.clone(),
            cookies: behavior.cookies.clone(),
            functions: functions.collect::<Result<_, Failure>>()?,
        })
    }

    fn attached(&self, attached: &EdgeFunction) -> Result<edge::Attached, Failure> {
        let function = &attached.function;
        let number = match &attached.version {
            EdgeVersion::Number(number) => {
                let qualifier = number.to_string();
                let functions = &self.engines.functions;
                functions.resolve(&self.space(), function, Some(&qualifier))?;
                Some(*number)
            }
            EdgeVersion::Published(name) => self.number_of(name)?,
            EdgeVersion::Alias(alias) => {
                let functions = &self.engines.functions;
                functions.alias(&self.space(), function, alias)?.version
            }
        };
        let number =
            number.ok_or_else(|| Failure::missing(format!("{function} has no such version")))?;
        Ok(edge::Attached {
            moment: attached.moment,
            target: self.target(function, Some(&number.to_string())),
            with_body: attached.with_body,
        })
    }
}
