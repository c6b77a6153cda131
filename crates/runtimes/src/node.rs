//! Node: our bootstrap on the host's own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base::ByteSize;

use crate::catalog::Found;
use crate::launch::{Launch, Program, Speaks, path_variable, read_only};
use crate::packages::Packages;
use crate::{Result, Runtimes, bootstrap};

/// Where the modules that the runtime brings are inside: above the code, so that both kinds of modules find them after the
/// code's own packages.
pub(crate) const MODULES: &str = "/var/node_modules";
/// Where they are if nothing is above the code; the bootstrap takes it out of the environment again.
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
        let (seen, _) = self.interpreter(node);
        program.environment = vec![("PATH".into(), path_variable(seen.path.parent(), &layers))];
        if let Some(brought) = self.brought(launch) {
            let inside = self.inside(MODULES, &brought).display().to_string();
            let _ = write!(modules, ":{inside}");
            if !self.shared.jail.confines() {
                program.environment.push((MODULES_VARIABLE.into(), inside));
            }
            program.mounts.push(read_only(&brought, MODULES));
        }
        program.environment.push(("NODE_PATH".into(), modules));
        Ok(program)
    }

    /// What the runtime has of its own for this code. Layers go before it, so it is left out where they have all of it.
    fn brought(&self, launch: &Launch) -> Option<PathBuf> {
        let packages = Packages::in_folder(&self.shared.folder);
        let brought = packages.brought(&launch.code, &launch.runtime)?;
        let has_all = launch.layers.as_ref().is_some_and(|layers| {
            let modules = layers.join("nodejs/node_modules");
            modules.is_dir()
                && names(&brought)
                    .iter()
                    .all(|name| modules.join(name).exists())
        });
        (!has_all).then_some(brought)
    }

    /// One that has no code yet.
    pub(crate) fn waiting_node(&self, node: &Found) -> Result<Program> {
        let scripts = bootstrap::written(&self.shared.folder, "node", bootstrap::NODE)?;
        let script = self
            .inside(bootstrap::PLACE, &scripts)
            .join(bootstrap::NODE[0].0);
        let (seen, folder) = self.interpreter(node);
        Ok(Program {
            argv: vec![
                seen.path.display().to_string(),
                script.display().to_string(),
            ],
            environment: Vec::new(),
            mounts: std::iter::once(read_only(&scripts, bootstrap::PLACE))
                .chain(folder)
                .collect(),
            speaks: Speaks::OnDescriptor,
        })
    }
}

/// The modules of a folder that are for the code, and not only for one another: scopes hold several.
fn names(brought: &Path) -> Vec<String> {
    let listed = |folder: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    };
    let all = listed(brought).into_iter().flat_map(|name| {
        if name.starts_with('@') {
            let inner = listed(&brought.join(&name)).into_iter();
            inner.map(|inner| format!("{name}/{inner}")).collect()
        } else if brought.join(&name).is_symlink() {
            vec![name]
        } else {
            Vec::new()
        }
    });
    all.collect()
}

/// The heap leaves a tenth for everything else, as the real service does.
fn heap(memory: ByteSize) -> u64 {
    memory.as_mib() * 9 / 10
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::Arc;

    use sandbox::{Network, NoJail};

    use super::*;
    use crate::{Language, Variables};

    #[test]
    fn what_the_runtime_brings_comes_after_layers_and_not_if_they_have_it_all() {
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
        fs::create_dir_all(brought.join("@scope")).unwrap();
        for name in ["one", "@scope/two"] {
            symlink("/anywhere", brought.join(name)).unwrap();
        }
        let packages = Packages::of_server(&data);
        let link = packages.bring(&launch.code, &launch.runtime, Some(&brought));
        link.unwrap();
        let both = format!("{of_layers}:{}", brought.display());
        assert_eq!(searched(), both);
        fs::create_dir_all(layers.join("node_modules/one")).unwrap();
        assert_eq!(searched(), both);
        fs::create_dir_all(layers.join("node_modules/@scope/two")).unwrap();
        assert_eq!(searched(), of_layers);
        fs::remove_dir_all(data).unwrap();
    }
}
