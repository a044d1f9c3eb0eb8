//! Where generated images go, and as which kind of file.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use crate::{
    cli::{CliError, output::note},
    domain::{Encoding, ImageFormat},
    os,
};

/// Standard output, as a file's name.
const STDOUT: &str = "-";

#[derive(Debug, Args)]
pub(super) struct DestinationArgs {
    /// File to write: .png, .jpg or .webp; - for standard output. Numbered if there are several images and no grid
    #[arg(short, long, value_name = "FILE", default_value = "picture.png")]
    output: PathBuf,
    /// png, jpeg or webp [default: by the file's name; png on standard output]
    #[arg(long, value_parser = parse_format)]
    format: Option<ImageFormat>,
    /// Quality of JPEG and WebP in percent; WebP loses nothing at 100
    #[arg(long, value_name = "PERCENT", default_value_t = Encoding::default().quality,
        value_parser = clap::value_parser!(u8).range(..=100))]
    compression: u8,
    /// Replace files without asking
    #[arg(long)]
    force: bool,
}

fn parse_format(text: &str) -> Result<ImageFormat, String> {
    text.parse().map_err(|()| "write png, jpeg or webp".into())
}

/// Where the images of a call go. It has been checked, as far as possible before the work, that they can be written.
#[derive(Debug)]
pub(super) enum Destination {
    /// One image to standard output.
    Stdout(Encoding),
    /// A file for each image, or one for all.
    Files { file: PathBuf, encoding: Encoding, is_numbered: bool },
}

impl DestinationArgs {
    /// Where `files` images go. Asks on a terminal before anything is replaced; elsewhere says what is.
    pub(super) fn open(&self, files: u32) -> Result<Destination, CliError> {
        let quality = self.compression;
        if self.output == Path::new(STDOUT) {
            if files > 1 {
                let message =
                    format!("standard output takes one image, not {files}; pass --grid, or -o FILE");
                return Err(CliError::Usage(message));
            }
            let format = self.format.unwrap_or_default();
            return Ok(Destination::Stdout(Encoding { format, quality }));
        }
        let format = match self.format {
            Some(format) => format,
            None => format_of(&self.output)?,
        };
        let (file, encoding) = (self.output.clone(), Encoding { format, quality });
        let destination = Destination::Files { file, encoding, is_numbered: files > 1 };
        check_writable(&self.output)?;
        let there: Vec<_> = (1..=files).filter_map(|number| destination.file(number)).collect();
        let there: Vec<_> = there.iter().filter(|file| file.exists()).collect();
        if let [first, others @ ..] = there.as_slice()
            && !self.force
        {
            confirm_replacing(first, others.len())?;
        }
        Ok(destination)
    }
}

impl Destination {
    pub(super) fn encoding(&self) -> Encoding {
        match self {
            Self::Stdout(encoding) | Self::Files { encoding, .. } => *encoding,
        }
    }

    /// The file of image `number`, from 1; none for standard output.
    pub(super) fn file(&self, number: u32) -> Option<PathBuf> {
        match self {
            Self::Stdout(_) => None,
            Self::Files { file, is_numbered: false, .. } => Some(file.clone()),
            Self::Files { file, is_numbered: true, .. } => Some(numbered(file, number)),
        }
    }

    /// Writes image `number`.
    pub(super) fn write(&self, number: u32, bytes: &[u8]) -> Result<(), CliError> {
        match self.file(number) {
            None => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| failed(STDOUT, &error))
            }
            Some(file) => std::fs::write(&file, bytes)
                .and_then(|()| os::share(&file))
                .map_err(|error| failed(&file.display().to_string(), &error)),
        }
    }
}

fn failed(place: &str, error: &io::Error) -> CliError {
    CliError::Failed(format!("{place}: {error}"))
}

/// The format that a file's name asks for; PNG where it asks for none.
fn format_of(file: &Path) -> Result<ImageFormat, CliError> {
    let Some(extension) = file.extension() else { return Ok(ImageFormat::default()) };
    let extension = extension.to_string_lossy();
    extension.to_lowercase().parse().map_err(|()| {
        let file = file.display();
        CliError::Usage(format!(
            "{file}: no image ends in .{extension}; write .png, .jpg or .webp, or pass --format"
        ))
    })
}

/// Before the work: whether there is a place for the image.
fn check_writable(file: &Path) -> Result<(), CliError> {
    let place = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if place.is_dir() && !file.is_dir() {
        Ok(())
    } else {
        Err(CliError::Usage(format!("{}: cannot be written; pass another file with -o", file.display())))
    }
}

/// Asks whether `first` and as many `others` may be replaced. Nobody can be asked in a script: there a line says so.
fn confirm_replacing(first: &Path, others: usize) -> Result<(), CliError> {
    let files = match others {
        0 => first.display().to_string(),
        1 => format!("{} and another file", first.display()),
        _ => format!("{} and {others} other files", first.display()),
    };
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        note(&format_args!("replacing {files}"));
        return Ok(());
    }
    let mut stderr = io::stderr();
    let mut answer = String::new();
    write!(stderr, "{files}: replace? [y/N] ")
        .and_then(|()| stderr.flush())
        .and_then(|()| io::stdin().lock().read_line(&mut answer).map(|_| ()))
        .map_err(|error| failed("standard input", &error))?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CliError::Usage("nothing was replaced; pass another file with -o, or --force".into())),
    }
}

/// `picture.png` → `picture-2.png`.
fn numbered(file: &Path, number: u32) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let extension =
        file.extension().map_or(String::new(), |extension| format!(".{}", extension.to_string_lossy()));
    file.with_file_name(format!("{stem}-{number}{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_images_are_numbered() {
        assert_eq!(numbered(Path::new("out/cat.png"), 2), Path::new("out/cat-2.png"));
        assert_eq!(numbered(Path::new("cat"), 10), Path::new("cat-10"));
    }

    #[test]
    fn a_files_name_says_its_format() {
        let format = |file: &str| format_of(Path::new(file)).ok();
        for (file, expected) in [
            ("cat", Some(ImageFormat::Png)),
            ("cat.png", Some(ImageFormat::Png)),
            ("cat.JPG", Some(ImageFormat::Jpeg)),
            ("cat.jpeg", Some(ImageFormat::Jpeg)),
            ("out.d/cat.webp", Some(ImageFormat::Webp)),
            ("cat.gif", None),
        ] {
            assert_eq!(format(file), expected, "{file}");
        }
    }
}
