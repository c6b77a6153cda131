use std::process::ExitCode;

use runtimes::Language;
use sandbox::Cgroups;
use serde::Serialize;

use crate::failure::Result;
use crate::output::Output;

/// What was looked at, and what to do where it is missing.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Findings {
    version: &'static str,
    findings: Vec<Finding>,
}

pub(crate) async fn run(output: &Output) -> Result<ExitCode> {
    let mut findings = languages().await;
    findings.extend(confinement().await);
    let findings = Findings {
        version: env!("CARGO_PKG_VERSION"),
        findings,
    };
    output.answer(&findings, || shown(&findings, *output));
    Ok(ExitCode::SUCCESS)
}

async fn languages() -> Vec<Finding> {
    let found = runtimes::languages().await;
    let node = language(
        &found,
        Language::Node,
        "Node.js",
        "install Node.js 18 or newer: functions in JavaScript need it",
    );
    let python = language(
        &found,
        Language::Python,
        "Python",
        "install Python 3.9 or newer: functions in Python need it",
    );
    let csharp = language(
        &found,
        Language::CSharp,
        "C# (Mono)",
        "install mono-runtime, mono-mcs and libnewtonsoft-json5.0-cil: Azure's functions in C# need them",
    );
    let npm = version("npm").await;
    let npm = Finding {
        what: "npm",
        ok: npm.is_some(),
        remedy: npm
            .is_none()
            .then_some("install npm: `up` and `deploy` install functions' packages with it"),
        found: npm.unwrap_or_else(|| "not in the path".to_owned()),
    };
    let pip = pip(&found).await;
    [Some(node), Some(npm), Some(python), pip, Some(csharp)]
        .into_iter()
        .flatten()
        .collect()
}

/// Some distributions have Python without it.
async fn pip(found: &[runtimes::Found]) -> Option<Finding> {
    let pythons = found
        .iter()
        .filter(|found| found.language == Language::Python);
    let asked: Vec<_> = pythons
        .map(|python| {
            let mut pip = tokio::process::Command::new(&python.path);
            pip.args(["-I", "-m", "pip", "--version"]);
            let answer = tokio::spawn(async move { pip.output().await });
            (python, answer)
        })
        .collect();
    let (mut all, mut without) = (0, Vec::new());
    for (python, answer) in asked {
        all += 1;
        if !matches!(answer.await, Ok(Ok(answer)) if answer.status.success()) {
            without.push(format!("{} ({})", python.version, python.path.display()));
        }
    }
    (all > 0).then(|| Finding {
        what: "pip",
        ok: without.is_empty(),
        remedy: (!without.is_empty())
            .then_some("install pip: `up` and `deploy` install functions' packages with it"),
        found: match without.is_empty() {
            true => "each Python has it".to_owned(),
            false => format!("missing for Python {}", without.join(", ")),
        },
    })
}

fn language(
    found: &[runtimes::Found],
    language: Language,
    what: &'static str,
    remedy: &'static str,
) -> Finding {
    let versions: Vec<String> = found
        .iter()
        .filter(|found| found.language == language)
        .map(|found| format!("{} ({})", found.version, found.path.display()))
        .collect();
    Finding {
        what,
        ok: !versions.is_empty(),
        remedy: versions.is_empty().then_some(remedy),
        found: match versions.is_empty() {
            true => "not in the path".to_owned(),
            false => versions.join(", "),
        },
    }
}

async fn version(program: &str) -> Option<String> {
    let answer = tokio::process::Command::new(program)
        .arg("--version")
        .output()
        .await
        .ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    answer.status.success().then(|| text.trim().to_owned())
}

/// Whether instances can be forked, which starts them in milliseconds.
async fn forks() -> Vec<Finding> {
    let folder =
        std::env::temp_dir().join(format!("fulmar-doctor-{}", base::Random::system().uuid()));
    let mut findings = Vec::new();
    for (what, runtime) in [("Python forks", "python3.12"), ("Node forks", "nodejs22.x")] {
        let tried = try_forks(&folder, runtime).await;
        findings.extend(tried.map(|tried| Finding {
            what,
            ok: tried.is_ok(),
            remedy: tried.is_err().then_some(
                "functions work, and start more slowly: forks need user namespaces, and Linux 5.12 or newer",
            ),
            found: match tried {
                Ok(()) => "instances are forked".to_owned(),
                Err(why) => format!("instances are booted: {why}"),
            },
        }));
    }
    // What stays in the temporary folder does no harm.
    let _ = std::fs::remove_dir_all(&folder);
    findings
}

async fn try_forks(
    folder: &std::path::Path,
    runtime: &str,
) -> Option<std::result::Result<(), String>> {
    let code = folder.join("code");
    std::fs::create_dir_all(&code).ok()?;
    let jail = sandbox::NamespaceJail::new(folder.join("stage")).ok()?;
    let runtimes = runtimes::Runtimes::new(
        std::sync::Arc::new(jail),
        sandbox::Network::Host,
        folder.join("runtimes"),
    );
    let launch = runtimes::Launch {
        runtime: runtime.to_owned(),
        code,
        layers: None,
        environment: Vec::new(),
        memory: base::ByteSize::mib(128),
        ephemeral: base::ByteSize::mib(1),
        variables: runtimes::Variables {
            address: "",
            code: "",
            wrapper: "",
        },
    };
    runtimes.try_forks(&launch).await
}

async fn confinement() -> Vec<Finding> {
    let stage = std::env::temp_dir().join(format!("fulmar-doctor-{}", std::process::id()));
    let report = sandbox::probe(stage.clone()).await;
    // Empty; one that stays in the temporary folder does no harm.
    let _ = std::fs::remove_dir(&stage);
    let user = Finding {
        what: "user",
        ok: true,
        found: if report.root { "root" } else { "not root" }.to_owned(),
        remedy: None,
    };
    let sandbox = Finding {
        what: "sandbox",
        ok: report.confined.is_ok(),
        remedy: report.confined.is_err().then_some(
            "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, or \
             kernel.apparmor_restrict_unprivileged_userns=0), run as root, or run without: --sandbox off",
        ),
        found: match report.confined {
            Ok(()) => "namespaces and a private root work".to_owned(),
            Err(why) => format!("cannot confine: {why}"),
        },
    };
    let paths = Finding {
        what: "paths",
        ok: report.landlock.is_some(),
        found: match report.landlock {
            Some(version) => format!("Landlock, version {version}"),
            None => "this kernel has no Landlock".to_owned(),
        },
        remedy: report.landlock.is_none().then_some(
            "a kernel with Landlock (5.13 or newer; 6.12 for abstract sockets) adds a second wall around the file system",
        ),
    };
    let limits = match report.cgroups {
        Cgroups::V1 => (true, "control groups, version 1".to_owned()),
        Cgroups::V2 => (true, "control groups, version 2".to_owned()),
        Cgroups::None(why) => (false, format!("not enforced: {why}")),
    };
    let limits = Finding {
        what: "limits",
        ok: limits.0,
        remedy: (!limits.0).then_some(
            "memory, processor and process limits need a control group that this user may divide: \
             log in so that `systemctl --user` works, use a service with Delegate=yes, or run as root",
        ),
        found: limits.1,
    };
    let mut findings = vec![user, sandbox, paths, limits];
    findings.extend(forks().await);
    findings
}

fn shown(findings: &Findings, output: Output) -> String {
    let mut lines = vec![format!("Fulmar {}", findings.version)];
    for finding in &findings.findings {
        let mark = if finding.ok {
            output.paint("32", "ok     ")
        } else {
            output.paint("31", "missing")
        };
        lines.push(format!("  {mark}  {:<8}  {}", finding.what, finding.found));
        if let Some(remedy) = finding.remedy {
            lines.push(format!("           {remedy}"));
        }
    }
    lines.join("\n")
}
