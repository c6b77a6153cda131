//! Node: our bootstrap on the host's own.

use std::fmt::Write as _;

use base::ByteSize;

use crate::catalog::Found;
use crate::launch::{Launch, Program, Speaks, path_variable, read_only};
use crate::packages::Packages;
use crate::{Result, Runtimes, bootstrap};

/// Where the modules that the runtime brings are inside: above the code, so that both kinds of modules find them after the
/// code's own packages.
pub(crate) const MODULES: &str = "/node_modules";
/// Before those ES modules find what layers bring: for them `NODE_PATH` does not count.
pub(crate) const OF_LAYERS: (&str, &str) = ("/var/node_modules", "/opt/nodejs/node_modules");
/// Where both are if nothing is above the code; the bootstrap takes it out of the environment again.
const MODULES_VARIABLE: &str = "FULMAR_MODULES";

impl Runtimes {
    pub(crate) fn node(&self, launch: &Launch, node: &Found) -> Result<Program> {
        let declared = launch
            .runtime
            .trim_end_matches(".x")
            .replace("nodejs", "node");
        let layers = self.layers(launch);
        // A layer may hold modules for one version of the language only.
        let mut modules = format!(
            "{0}/nodejs/{declared}/node_modules:{0}/nodejs/node_modules",
            layers.display()
        );
        let mut program = self.waiting_node(node)?;
        let heap = format!("--max-old-space-size={}", heap(launch.memory));
        program.argv.insert(1, heap);
        let (seen, _) = self.interpreter(node)?;
        program.environment = vec![("PATH".into(), path_variable(seen.path.parent(), &layers))];
        let packages = Packages::in_folder(&self.shared.folder);
        let brought = packages.brought(&launch.code, &launch.runtime);
        if let Some(brought) = &brought {
            let inside = self.inside(MODULES, brought);
            let _ = write!(modules, ":{}", inside.display());
            program.mounts.push(read_only(brought, MODULES));
        }
        let has_more = brought.is_some() || launch.layers.is_some();
        if has_more && !self.shared.jail.confines() {
            let variable = (MODULES_VARIABLE.into(), modules.clone());
            program.environment.push(variable);
        }
        program.environment.push(("NODE_PATH".into(), modules));
        Ok(program)
    }

    /// One that has no code yet.
    pub(crate) fn waiting_node(&self, node: &Found) -> Result<Program> {
        let scripts = bootstrap::NODE.written(&self.shared.folder)?;
        let script = self
            .inside(bootstrap::PLACE, &scripts)
            .join(bootstrap::NODE.first());
        let (seen, own) = self.interpreter(node)?;
        Ok(Program {
            argv: vec![
                seen.path.display().to_string(),
                script.display().to_string(),
            ],
            environment: Vec::new(),
            mounts: std::iter::once(read_only(&scripts, bootstrap::PLACE))
                .chain(own)
                .collect(),
            speaks: Speaks::OnDescriptor,
        })
    }
}

/// The heap leaves a tenth for everything else, as the real service does.
fn heap(memory: ByteSize) -> u64 {
    memory.as_mib() * 9 / 10
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use sandbox::{Network, NoJail};

    use super::*;
    use crate::{Language, Variables};

    #[test]
    fn what_the_runtime_brings_comes_after_layers() {
        let data =
            std::env::temp_dir().join(format!("fulmar-node-{}", base::Random::system().uuid()));
        let runtimes = Runtimes::new(Arc::new(NoJail), Network::Host, data.join("runtimes"));
        let found = Found {
            language: Language::Node,
            path: "/node".into(),
            version: "22.1.0".into(),
            packages: Vec::new(),
        };
        let launch = Launch {
            runtime: "nodejs22.x".into(),
            code: "/code".into(),
            layers: Some(data.join("layers")),
            environment: Vec::new(),
            memory: ByteSize::mib(128),
            ephemeral: ByteSize::mib(512),
            variables: Variables {
                address: "ADDRESS",
                code: "CODE",
                wrapper: "WRAPPER",
            },
        };
        let searched = || {
            let environment = runtimes.node(&launch, &found).unwrap().environment;
            let mut variables = environment.into_iter();
            variables.find(|(name, _)| name == "NODE_PATH").unwrap().1
        };
        let layers = data.join("layers/nodejs");
        let of_layers = format!("{0}/node22/node_modules:{0}/node_modules", layers.display());
        assert_eq!(searched(), of_layers);

        let brought = data.join("runtimes/packages/node-1");
        fs::create_dir_all(&brought).unwrap();
        let packages = Packages::of_server(&data);
        let link = packages.bring(&launch.code, &launch.runtime, Some(&brought));
        link.unwrap();
        let both = format!("{of_layers}:{}", brought.display());
        assert_eq!(searched(), both);
        fs::remove_dir_all(data).unwrap();
    }
}
