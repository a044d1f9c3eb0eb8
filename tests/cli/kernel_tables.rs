//! What `tools/kernel-tables` reads of NVIDIA's compiler, which is not here.

use std::{path::Path, process::Command};

use crate::{script, skip::skip_or_fail};

#[test]
fn a_kernel_that_spills_or_takes_too_much_is_named() {
    if let Err(error) = script::run(Command::new("python3").arg("--version")) {
        return skip_or_fail("python3", &error);
    }
    let code = "
import argparse, kernel_tables as tables
said = '''ptxas info    : Compiling entry function 'gate_f16' for 'sm_90'
ptxas info    : Function properties for gate_f16
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 72 registers, used 1 barriers, 128 bytes smem, 392 bytes cmem[0]
ptxas info    : Compiling entry function 'norm_f16' for 'sm_90'
    24 bytes stack frame, 24 bytes spill stores, 32 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers'''
found = tables.kernels(said)
bound = argparse.Namespace(spills=16)
for kernel, taken in found.items():
    print(kernel, *taken.values(), *tables.faults_of(taken, bound))
print(tables.table({('rows.cu', name): {'90': taken} for name, taken in found.items()}, ['80', '90']).splitlines()[-1])
";
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/kernel-tables");
    let mut command = Command::new("python3");
    command.args(["-c", code]).current_dir(tools).env("PYTHONDONTWRITEBYTECODE", "1");
    let printed = script::run(&mut command).expect("a table");
    let expected = "gate_f16 72 0 128\nnorm_f16 255 32 0 32 spills, at most 16\n\
                    | rows.cu: `norm_f16` | – | 255 +32 | 0 |\n";
    assert_eq!(printed, expected);
}
