//! How the binary is linked.

use std::env::var;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // The tables of 20 AWS clients are full of pointers, and a binary that may be loaded anywhere has each of them put
    // right at every start: 80,000 of them on 300 pages, half of the time that `hoist --version` takes. Elsewhere than on
    // Linux with glibc position-independent binaries are the only ones, or the linker is told in other words.
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo:rustc-link-arg-bin=hoist=-no-pie");
    }
}
