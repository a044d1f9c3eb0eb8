//! CUDA kernels on this CPU: compiled by the host's C++ compiler (`CXX`, or `c++`) and run by the emulator in `host.cpp`,
//! where each CUDA thread is a fiber.

use std::{
    env,
    ffi::{CString, c_char, c_int, c_void},
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{LazyLock, Mutex, PoisonError},
};

use libloading::Library;

use super::launch::Launch;

/// An argument of a kernel: a number, or memory of the card. What is out begins as NaN.
pub(super) enum Argument<'a> {
    Number(f32),
    Count(u32),
    Floats(&'a [f32]),
    Halves(&'a [u16]),
    FloatsOut(&'a mut [f32]),
    HalvesOut(&'a mut [u16]),
    /// What comes in is what goes out.
    FloatsInOut(&'a mut [f32]),
    /// The memory of the argument of this number, counted from 0, which stands before it.
    Again(usize),
}

/// More orders of threads that each launch is tried in, drawn at random: TINTYPE_EMULATOR_ORDERS, of which there are none.
static MORE_ORDERS: LazyLock<u32> = LazyLock::new(|| {
    let number = env::var("TINTYPE_EMULATOR_ORDERS").ok();
    number.map_or(0, |number| number.parse().expect("TINTYPE_EMULATOR_ORDERS is a number"))
});

/// Runs `launch` with its threads in three orders, and as many more as are asked for.
///
/// # Errors
///
/// One line: a fault that the emulator found, memory written that is not the kernel's to write, or results that depend
/// on the order.
pub(super) fn run(launch: &Launch, arguments: &mut [Argument]) -> Result<(), String> {
    // From the first, from the last, and the rest by lot.
    let after = run_in_order(launch, 0, arguments)?;
    for order in 1..3 + *MORE_ORDERS {
        if after != run_in_order(launch, order, arguments)? {
            return Err(format!(
                "kernel {}: the bits depend on the order of the threads ({order})",
                launch.name
            ));
        }
    }
    for (argument, bytes) in arguments.iter_mut().zip(after) {
        match argument {
            Argument::FloatsOut(out) | Argument::FloatsInOut(out) => {
                copy_words(out, &bytes, f32::from_ne_bytes);
            }
            Argument::HalvesOut(out) => copy_words(out, &bytes, u16::from_ne_bytes),
            _ if bytes == argument.bytes() => {}
            _ => return Err(format!("kernel {}: it wrote to what it only reads", launch.name)),
        }
    }
    Ok(())
}

fn copy_words<T, const N: usize>(words: &mut [T], bytes: &[u8], word: fn([u8; N]) -> T) {
    for (to, from) in words.iter_mut().zip(bytes.as_chunks().0) {
        *to = word(*from);
    }
}

impl Argument<'_> {
    /// What the memory, or the number, holds before the launch.
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Number(x) => x.to_ne_bytes().into(),
            Self::Count(x) => x.to_ne_bytes().into(),
            Self::Floats(floats) => floats.iter().flat_map(|x| x.to_ne_bytes()).collect(),
            Self::Halves(halves) => halves.iter().flat_map(|x| x.to_ne_bytes()).collect(),
            Self::FloatsInOut(floats) => floats.iter().flat_map(|x| x.to_ne_bytes()).collect(),
            Self::Again(_) => Vec::new(),
            Self::FloatsOut(floats) => vec![u8::MAX; size_of_val(*floats)],
            Self::HalvesOut(halves) => vec![u8::MAX; size_of_val(*halves)],
        }
    }
}

/// Bytes aligned to 16, between margins of NaN that no kernel may write to.
struct Memory {
    words: Vec<u128>,
    bytes: usize,
}

const MARGIN_WORDS: usize = 64;

impl Memory {
    fn new(bytes: &[u8]) -> Self {
        let mut words = vec![u128::MAX; bytes.len().div_ceil(16) + 2 * MARGIN_WORDS];
        for (word, bytes) in words[MARGIN_WORDS..].iter_mut().zip(bytes.chunks(16)) {
            let mut whole = [u8::MAX; 16];
            whole[..bytes.len()].copy_from_slice(bytes);
            *word = u128::from_ne_bytes(whole);
        }
        Self { words, bytes: bytes.len() }
    }

    fn address(&mut self) -> *mut c_void {
        self.words[MARGIN_WORDS..].as_mut_ptr().cast()
    }

    /// The bytes, where the margins are whole.
    fn into_bytes(self) -> Option<Vec<u8>> {
        let all: Vec<u8> = self.words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let (before, rest) = all.split_at(16 * MARGIN_WORDS);
        let (bytes, after) = rest.split_at(self.bytes);
        let whole = before.iter().chain(after).all(|byte| *byte == u8::MAX);
        whole.then(|| bytes.to_vec())
    }
}

fn run_in_order(launch: &Launch, order: u32, arguments: &[Argument]) -> Result<Vec<Vec<u8>>, String> {
    let mut memory: Vec<_> = arguments.iter().map(|argument| Memory::new(&argument.bytes())).collect();
    let mut addresses: Vec<*mut c_void> = memory.iter_mut().map(Memory::address).collect();
    // As the driver takes them: where each number is, and where each address is.
    let mut values: Vec<*mut c_void> = Vec::new();
    for (at, argument) in arguments.iter().enumerate() {
        values.push(match argument {
            Argument::Number(_) | Argument::Count(_) => addresses[at],
            Argument::Again(before) => (&raw mut addresses[*before]).cast(),
            _ => (&raw mut addresses[at]).cast(),
        });
    }
    call(launch, order, &mut values)?;
    memory
        .into_iter()
        .enumerate()
        .map(|(at, memory)| {
            let fault = || format!("kernel {}: it wrote beside its argument {at}", launch.name);
            memory.into_bytes().ok_or_else(fault)
        })
        .collect()
}

/// `launch` of `host.cpp`.
type LaunchOnHost = unsafe extern "C" fn(
    name: *const c_char,
    grid: *const u32,
    block: u32,
    shared_bytes: u32,
    order: u32,
    arguments: *mut *mut c_void,
    error: *mut c_char,
    error_bytes: usize,
) -> c_int;

/// One launch at a time: the emulator has one card.
static KERNELS: LazyLock<Mutex<Library>> = LazyLock::new(|| Mutex::new(compile()));

#[expect(
    unsafe_code,
    reason = "kernels take addresses; the emulator and the margins say what they do with them"
)]
fn call(launch: &Launch, order: u32, values: &mut [*mut c_void]) -> Result<(), String> {
    let kernels = KERNELS.lock().unwrap_or_else(PoisonError::into_inner);
    let name = CString::new(launch.name.as_str()).expect("a kernel's name");
    let mut error = [0_u8; 512];
    let failed = unsafe {
        let on_host = kernels.get::<LaunchOnHost>(b"launch").expect("the emulator's launch");
        on_host(
            name.as_ptr(),
            launch.grid.as_ptr(),
            launch.block,
            launch.shared_bytes,
            order,
            values.as_mut_ptr(),
            error.as_mut_ptr().cast(),
            error.len(),
        )
    };
    let text = error.split(|byte| *byte == 0).next().unwrap_or_default();
    if failed == 0 { Ok(()) } else { Err(String::from_utf8_lossy(text).into_owned()) }
}

/// Compiles every C++ file of this folder, each of which includes its kernels, and loads them.
#[expect(
    unsafe_code,
    reason = "the library is ours, and loading it runs nothing but the list of its kernels"
)]
fn compile() -> Library {
    // cargo names the folder at run time too; tools/mutate-kernels names another.
    let root = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let sources = Path::new(&root).join("tests/cuda_emulator");
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let files =
        fs::read_dir(&sources).expect("the emulator's sources").map(|entry| entry.expect("an entry").path());
    let compilers: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "cpp"))
        .map(|path| {
            let object = scratch.path().join(path.with_extension("o").file_name().expect("a file's name"));
            let compiler = start(
                compiler()
                    .args(COMPILER_FLAGS)
                    .arg("-I")
                    .arg(&sources)
                    .arg("-c")
                    .arg(path)
                    .arg("-o")
                    .arg(&object),
            );
            (object, compiler)
        })
        .collect();
    let library = scratch.path().join("kernels.so");
    let mut linker = compiler();
    linker.args(["-shared", "-o"]).arg(&library);
    for (object, compiler) in compilers {
        finish(compiler);
        linker.arg(object);
    }
    finish(start(&mut linker));
    unsafe { Library::new(&library).expect("the kernels that were just compiled") }
}

/// With checks of alignment and of indices, which call the emulator. Without the C library's own check of longjmp, which
/// takes a switch of fibers for a fault.
const COMPILER_FLAGS: &[&str] = &[
    // As nvcc compiles them.
    "-std=c++17",
    "-O2",
    "-g0",
    "-fPIC",
    "-U_FORTIFY_SOURCE",
    "-fsanitize=alignment,bounds",
    "-fno-sanitize-recover=all",
];

fn compiler() -> Command {
    Command::new(env::var_os("CXX").unwrap_or_else(|| "c++".into()))
}

fn start(command: &mut Command) -> Child {
    let started = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    started.unwrap_or_else(|error| panic!("no C++ compiler for the kernels' tests, set CXX: {error}"))
}

fn finish(child: Child) {
    let output = child.wait_with_output().expect("a compiler's output");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
