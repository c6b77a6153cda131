use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::build::build as make_runnable;
use crate::desired::Cloud;

/// A folder of sources, and how they become code.
struct App {
    dir: tempfile::TempDir,
    build: Build,
}

impl App {
    fn new(how: How) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("src");
        fs::create_dir_all(&folder).unwrap();
        let build = Build {
            folder,
            runtime: "nodejs20.x".into(),
            cloud: Cloud::Aws,
            how: Some(how),
        };
        Self { dir, build }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.build.folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    fn packages(&self) -> Packages {
        Packages::of_server(&self.dir.path().join("data"))
    }

    async fn make(&self) -> Result<bool> {
        make_runnable(&self.build, &self.packages(), |_| {}).await
    }

    fn place(&self) -> PathBuf {
        let recipe = Recipe {
            source: self.build.folder.clone(),
            how: self.build.how.clone().unwrap(),
        };
        recipe.place(&self.packages())
    }

    /// What is in a file of what was made.
    fn made(&self, name: &str) -> String {
        fs::read_to_string(self.place().join(name)).unwrap()
    }
}

fn makefile() -> App {
    let how = How::Make {
        target: "build-F".into(),
    };
    App::new(how)
}

#[tokio::test]
async fn sources_are_made_code_once_for_what_they_are_and_stay_as_they_are() {
    let app = makefile();
    app.write(
        "Makefile",
        "build-F:\n\ttouch litter\n\tcp input $(ARTIFACTS_DIR)/output\n",
    );
    app.write("input", "one");
    assert!(app.make().await.unwrap());
    assert_eq!(app.made("output"), "one");
    assert!(!app.build.folder.join("litter").exists());
    assert!(!app.make().await.unwrap(), "nothing has changed");
    app.write("input", "three");
    assert!(app.make().await.unwrap());
    assert_eq!(app.made("output"), "three");
}

#[tokio::test]
async fn what_is_replaced_stays_as_long_as_something_may_run_in_it() {
    let app = makefile();
    app.write("Makefile", "build-F:\n\tcp input $(ARTIFACTS_DIR)/output\n");
    app.write("input", "one");
    app.make().await.unwrap();
    let running = fs::File::open(app.place()).unwrap();
    app.write("input", "three");
    app.make().await.unwrap();
    let seen = format!("/proc/self/fd/{}/output", running.as_raw_fd());
    assert_eq!(fs::read_to_string(&seen).unwrap(), "one");
    let place = app.place();
    let now = SystemClock.now();
    sweep(home(&place), now + KEPT / 2).unwrap();
    assert!(fs::exists(&seen).unwrap());
    sweep(home(&place), now + KEPT).unwrap();
    assert!(!fs::exists(&seen).unwrap());
    assert_eq!(app.made("output"), "three");
}

#[tokio::test]
async fn what_cannot_be_made_is_told_and_what_was_made_stays() {
    let app = makefile();
    app.write("Makefile", "build-F:\n\techo > $(ARTIFACTS_DIR)/made\n");
    app.make().await.unwrap();
    app.write("Makefile", "build-F:\n\t@echo no luck; false\n");
    let error = app.make().await.unwrap_err().to_string();
    assert!(
        error.starts_with("make failed in ") && error.contains("no luck"),
        "{error}"
    );
    assert_eq!(app.made("made"), "\n");
    let packages = app.dir.path().join("data/runtimes/packages");
    assert_eq!(
        fs::read_dir(packages).unwrap().count(),
        1,
        "no draft is left"
    );
}

#[tokio::test]
async fn the_code_s_own_esbuild_bundles_it() {
    let app = App::new(How::Bundle {
        entries: vec!["app.ts".into()],
        options: vec!["--minify".into(), "--target=es2020".into()],
    });
    app.write("app.ts", "export const handler = 1");
    // It tells what it was asked to do.
    let program = app.write(
        "node_modules/.bin/esbuild",
        "#!/bin/sh\nfor option; do case $option in --outdir=*) out=${option#*=};; *) args=\"$args $option\";; esac; done\necho $args > $out/app.js\n",
    );
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(app.make().await.unwrap());
    assert_eq!(
        app.made("app.js"),
        "app.ts --bundle --platform=node --log-level=warning --minify --target=es2020\n"
    );
}

/// The sources stay as they are, and what was compiled on the way is kept beside what is made.
#[tokio::test]
async fn cargo_makes_the_program() {
    let app = App::new(How::Cargo { binary: None });
    let manifest = |name: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n"
        )
    };
    app.write("Cargo.toml", &manifest("first"));
    app.write("src/main.rs", "fn main() { println!(\"made\") }\n");
    assert!(app.make().await.unwrap());
    let program = std::process::Command::new(app.place().join("bootstrap"));
    let said = tokio::process::Command::from(program)
        .output()
        .await
        .unwrap();
    assert_eq!(said.stdout, b"made\n");
    assert!(!app.build.folder.join("target").exists());
    app.write("Cargo.toml", &manifest("renamed"));
    assert!(app.make().await.unwrap(), "the first is no second program");
    // With the lock file that Cargo has written.
    app.make().await.unwrap();
    assert!(!app.make().await.unwrap(), "nothing has changed");
    app.write("src/bin/other.rs", "fn main() {}\n");
    let error = app.make().await.unwrap_err().to_string();
    assert!(error.contains("it makes several programs"), "{error}");
}
