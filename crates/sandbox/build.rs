//! Compiles the library that interpreters load to become templates (`native/`), once plainly and once for each host that
//! wants an interface of its own. Where that fails, the binary carries none and instances are booted instead.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=native");
    println!("cargo::rustc-check-cfg=cfg(interpreter, values(\"node\"))");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    for (name, interpreter) in [("plain", None), ("node", Some("node"))] {
        let library = out.join(format!("{name}.so"));
        if let Err(why) = compile(&library, interpreter) {
            println!("cargo::warning=templates will not be available: {why}");
            std::fs::write(&library, "").expect("the output folder can be written");
        }
    }
}

fn compile(library: &Path, interpreter: Option<&str>) -> Result<(), String> {
    let target = std::env::var("TARGET").map_err(|cause| cause.to_string())?;
    let rustc = std::env::var_os("RUSTC").ok_or("cargo names no compiler")?;
    let mut command = Command::new(rustc);
    command.args([
        "--edition",
        "2024",
        "--crate-type",
        "cdylib",
        "--crate-name",
        "template",
    ]);
    command.args(["-O", "-C", "panic=abort", "-C", "strip=symbols"]);
    // No C library: it uses none itself, and what its interpreter brings differs from host to host.
    command.args(["-C", "link-arg=-nostdlib", "--target", &target]);
    if let Some(linker) = std::env::var_os("RUSTC_LINKER") {
        command
            .arg("-C")
            .arg(format!("linker={}", linker.display()));
    }
    if let Some(name) = interpreter {
        command.arg("--cfg").arg(format!("interpreter=\"{name}\""));
    }
    command.arg("-o").arg(library).arg("native/lib.rs");
    let output = command.output().map_err(|cause| cause.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).replace('\n', " ")),
    }
}
