use std::fs;

use super::npm::Wanted::{ToBuild, ToRun};
use super::npm::needed;
use super::pip::has_them_already;
use super::*;

fn app(package: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("package.json"), package).unwrap();
    dir
}

fn node(dir: &tempfile::TempDir) -> Build {
    Build {
        folder: dir.path().to_owned(),
        runtime: "nodejs22.x".into(),
        cloud: Cloud::Aws,
        how: None,
    }
}

fn packages(dir: &tempfile::TempDir) -> Packages {
    Packages::of_server(&dir.path().join("data"))
}

const LOCAL: &str = r#"{"name": "a", "dependencies": {"b": "file:./b"}}"#;

#[test]
fn packages_are_installed_only_where_they_are_asked_for() {
    assert_eq!(needed(app("{}").path(), ToRun), None);
    assert_eq!(needed(app(r#"{"dependencies": {}}"#).path(), ToRun), None);
    assert_eq!(needed(tempfile::tempdir().unwrap().path(), ToRun), None);
    let built = app(r#"{"devDependencies": {"b": "file:./b"}}"#);
    assert_eq!(needed(built.path(), ToRun), None);
    assert_eq!(needed(built.path(), ToBuild).unwrap(), "npm install");
    let dir = app(LOCAL);
    assert_eq!(needed(dir.path(), ToRun).unwrap(), "npm install");
    fs::write(dir.path().join("package-lock.json"), "{}").unwrap();
    assert_eq!(needed(dir.path(), ToRun).unwrap(), "npm ci");
}

#[test]
fn what_the_user_installed_counts_until_the_files_are_newer() {
    let dir = app(LOCAL);
    let modules = dir.path().join("node_modules");
    fs::create_dir(&modules).unwrap();
    assert!(needed(dir.path(), ToRun).is_some());
    fs::write(modules.join(".package-lock.json"), "{}").unwrap();
    assert_eq!(needed(dir.path(), ToRun), None);
    let package = fs::File::open(dir.path().join("package.json")).unwrap();
    let installed = fs::metadata(modules.join(".package-lock.json")).unwrap();
    let later = installed.modified().unwrap() + std::time::Duration::from_secs(5);
    package.set_modified(later).unwrap();
    assert!(needed(dir.path(), ToRun).is_some());
}

#[tokio::test]
async fn packages_are_installed_once() {
    let dir = app(LOCAL);
    let package = dir.path().join("b");
    fs::create_dir(&package).unwrap();
    fs::write(
        package.join("package.json"),
        r#"{"name": "b", "version": "1.0.0"}"#,
    )
    .unwrap();
    let mut told = Vec::new();
    let done = build(&node(&dir), &packages(&dir), |line| {
        told.push(line.to_owned());
    })
    .await;
    assert!(done.unwrap());
    assert!(dir.path().join("node_modules/b/package.json").exists());
    assert!(
        told.iter().any(|line| line.contains("added 1 package")),
        "{told:?}"
    );
    assert_eq!(needed(dir.path(), ToRun), None);
    fs::write(
        dir.path().join("package.json"),
        LOCAL.replace("\"a\"", "\"c\""),
    )
    .unwrap();
    assert_eq!(needed(dir.path(), ToRun).unwrap(), "npm ci");
}

#[tokio::test]
async fn a_failure_repeats_what_npm_said() {
    let dir = app(r#"{"name": "a", "dependencies": {"b": "file:./missing.tgz"}}"#);
    let error = build(&node(&dir), &packages(&dir), |_| {})
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("npm install failed in ") && text.contains("missing.tgz"),
        "{text}"
    );
}

fn python_app(requirements: &str) -> (tempfile::TempDir, Build) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("code");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("requirements.txt"), requirements).unwrap();
    let runtime = "python3.12".to_owned();
    let cloud = Cloud::Aws;
    (
        dir,
        Build {
            folder,
            runtime,
            cloud,
            how: None,
        },
    )
}

#[tokio::test]
async fn pythons_packages_are_installed_once_and_apart_from_the_code() {
    // It asks for nothing, so that nothing is fetched.
    let (dir, app) = python_app("# nothing\n");
    let packages = packages(&dir);
    assert!(build(&app, &packages, |_| {}).await.unwrap());
    assert!(!build(&app, &packages, |_| {}).await.unwrap());
    let left: Vec<_> = fs::read_dir(&app.folder).unwrap().collect();
    assert_eq!(left.len(), 1, "the source stays as it is");
    let python = runtimes::python_of(&app.runtime).await.unwrap();
    assert!(packages.place(&app.folder, &python).unwrap().is_dir());
    fs::write(app.folder.join("requirements.txt"), "# other\n").unwrap();
    assert!(build(&app, &packages, |_| {}).await.unwrap());
}

#[tokio::test]
async fn pythons_packages_that_are_beside_the_code_are_not_installed_again() {
    const BOTH: &str = "Left-Pad.Py[all]>=1 # why\n\nright_pad ; python_version > '3'\n";
    let cases = [
        (BOTH.to_owned(), true),
        (format!("{BOTH}another\n"), false),
        (format!("{BOTH}./right_pad\n"), false),
        (
            format!("{BOTH}right_pad @ https://localhost/it.whl\n"),
            false,
        ),
        (format!("{BOTH}-r more.txt\n"), false),
        ("# nothing\n".to_owned(), false),
    ];
    for (requirements, are_there) in cases {
        let (dir, app) = python_app(&requirements);
        for installed in ["left_pad_py-1.0", "Right.Pad-2.0.post1"] {
            fs::create_dir(app.folder.join(format!("{installed}.dist-info"))).unwrap();
        }
        let file = app.folder.join("requirements.txt");
        assert_eq!(
            has_them_already(&app.folder, &file),
            are_there,
            "{requirements}"
        );
        if are_there {
            assert!(!build(&app, &packages(&dir), |_| {}).await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_failure_repeats_what_pip_said_and_leaves_nothing() {
    let (dir, app) = python_app("./missing.whl\n");
    let packages = packages(&dir);
    let error = build(&app, &packages, |_| {})
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("pip install failed in ") && error.contains("missing.whl"),
        "{error}"
    );
    let python = runtimes::python_of(&app.runtime).await.unwrap();
    let place = packages.place(&app.folder, &python).unwrap();
    assert_eq!(fs::read_dir(place.parent().unwrap()).unwrap().count(), 0);
}

#[test]
fn lines_come_whole_and_bounded() {
    let mut got = Vec::new();
    let mut line = Vec::new();
    let mut tell = |text: &str| got.push(text.to_owned());
    lines(&mut line, b"on", false, &mut tell);
    lines(&mut line, b"e\r\ntwo\nthr", false, &mut tell);
    lines(&mut line, b"ee", true, &mut tell);
    let long = vec![b'x'; LONGEST_LINE + 1];
    lines(&mut line, &long, true, &mut tell);
    assert_eq!(&got[..3], ["one", "two", "three"]);
    assert_eq!(got[3].len(), LONGEST_LINE);
    assert_eq!(got[4], "x");
}
