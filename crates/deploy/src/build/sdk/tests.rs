use std::fs;

use super::node::show;
use super::*;

fn app(source: &str, runtime: &str, cloud: Cloud) -> (tempfile::TempDir, Build) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("code");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("index.js"), source).unwrap();
    let runtime = runtime.to_owned();
    let build = Build {
        folder,
        runtime,
        cloud,
        how: None,
    };
    (dir, build)
}

const BOTH: &str = "require('aws-sdk'); require('@aws-sdk/a'); require('@smithy/b')";

#[tokio::test]
async fn each_runtime_brings_its_own_version() {
    let third = ["@aws-sdk/a@3", "@smithy/b@latest"];
    for (runtime, cloud, brings) in [
        ("nodejs18.x", Cloud::Aws, Some(&third[..])),
        ("nodejs22.x", Cloud::Aws, Some(&third)),
        ("nodejs16.x", Cloud::Aws, Some(&["aws-sdk@2"])),
        ("nodejs8.10", Cloud::Aws, Some(&["aws-sdk@2"])),
        ("nodejs22.x", Cloud::Azure, None),
        ("nodejs22.x", Cloud::Google, None),
        ("provided.al2023", Cloud::Aws, None),
    ] {
        let (dir, build) = app(BOTH, runtime, cloud);
        let missing = missing(&build, &Packages::of_server(dir.path())).await;
        let names = missing.map(|missing| Vec::from_iter(missing.names));
        let brings = brings.map(|names| names.iter().map(ToString::to_string).collect());
        assert_eq!(names, brings, "{runtime}");
    }
}

#[test]
fn only_what_is_asked_for_is_in_sight() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["aws-sdk", "@aws-sdk/a", "uuid"] {
        let folder = dir.path().join(ALL).join("node_modules").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("index.js"), name).unwrap();
    }
    for name in ["aws-sdk", "@aws-sdk/a"] {
        show(dir.path(), &format!("{name}@3")).unwrap();
        let file = dir.path().join(name).join("index.js");
        assert_eq!(fs::read_to_string(file).unwrap(), name);
    }
    assert!(!dir.path().join("uuid").exists());
}

#[tokio::test]
async fn what_cannot_be_had_is_told_and_no_error() {
    // No name of a package, so that no registry is asked.
    let (dir, build) = app("require('@aws-sdk/-.a')", "nodejs22.x", Cloud::Aws);
    let packages = Packages::of_server(&dir.path().join("data"));
    let Missing { names, place, .. } = missing(&build, &packages).await.unwrap();
    assert_eq!(Vec::from_iter(names), ["@aws-sdk/-.a@3"]);
    // Nothing can be made there.
    fs::write(dir.path().join("data"), "").unwrap();
    let mut told = Vec::new();
    let done = bring(&build, &packages, |line| told.push(line.to_owned())).await;
    assert!(!done.unwrap());
    let last = told.last().unwrap();
    assert!(
        last.starts_with("notice: the code will not find @aws-sdk/-.a@3: "),
        "{told:?}"
    );
    assert!(!place.exists());
}

#[tokio::test]
async fn what_is_there_is_not_installed_again() {
    let (dir, build) = app(BOTH, "nodejs22.x", Cloud::Aws);
    let packages = Packages::of_server(&dir.path().join("data"));
    let missing = missing(&build, &packages).await.unwrap();
    fs::create_dir_all(missing.place).unwrap();
    let tell = |line: &str| panic!("{line}");
    assert!(!bring(&build, &packages, tell).await.unwrap());
}
