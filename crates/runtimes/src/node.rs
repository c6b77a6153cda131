//! Node: our bootstrap on the host's own.

use base::ByteSize;

use crate::catalog::Found;
use crate::launch::{Launch, Program, Speaks, path_variable, read_only};
use crate::{Result, Runtimes, bootstrap};

impl Runtimes {
    pub(crate) fn node(&self, launch: &Launch, node: &Found) -> Result<Program> {
        let declared = launch
            .runtime
            .trim_end_matches(".x")
            .replace("nodejs", "node");
        let layers = self.layers(launch);
        // A layer may hold modules for one version of the language only.
        let modules = format!(
            "{0}/nodejs/{declared}/node_modules:{0}/nodejs/node_modules",
            layers.display()
        );
        let mut program = self.waiting_node(node)?;
        let heap = format!("--max-old-space-size={}", heap(launch.memory));
        program.argv.insert(1, heap);
        program.environment = vec![
            ("PATH".into(), path_variable(node.path.parent(), &layers)),
            ("NODE_PATH".into(), modules),
        ];
        Ok(program)
    }

    /// One that has no code yet.
    pub(crate) fn waiting_node(&self, node: &Found) -> Result<Program> {
        let scripts = bootstrap::written(&self.shared.folder, "node", bootstrap::NODE)?;
        let script = self
            .inside(bootstrap::PLACE, &scripts)
            .join(bootstrap::NODE[0].0);
        Ok(Program {
            argv: vec![
                node.path.display().to_string(),
                script.display().to_string(),
            ],
            environment: Vec::new(),
            mounts: std::iter::once(read_only(&scripts, bootstrap::PLACE))
                .chain(node.own_folder())
                .collect(),
            speaks: Speaks::OnDescriptor,
        })
    }
}

/// The heap leaves a tenth for everything else, as the real service does.
fn heap(memory: ByteSize) -> u64 {
    memory.as_mib() * 9 / 10
}
