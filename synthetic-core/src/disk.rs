//! What the journal and the spool do alike on a disk: lines behind a checksum, private files, and advice when it fails.

use std::fs::{self, DirBuilder, OpenOptions};
#[cfg(feature = "formats")]
use std::io::Write as _;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde::Serialize;

/// The checksum and the blank behind it.
pub(crate) const CHECKSUM: usize = 9;

/// Appends a line: a CRC-32, a blank, JSON, a newline. On an error the lines are not to be used.
pub(crate) fn append_line(lines: &mut Vec<u8>, value: &impl Serialize) -> Result<(), String> {
    let start = lines.len();
    lines.extend_from_slice(b"00000000 ");
    serde_json::to_writer(&mut *lines, value).map_err(|error| error.to_string())?;
    let checksum = crc32fast::hash(&lines[start + CHECKSUM..]);
    for (n, digit) in lines[start..start + CHECKSUM - 1].iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(checksum >> (28 - 4 * n)) as usize & 0xf];
    }
    lines.push(b'\n');
    Ok(())
}

/// Returns the JSON of a line, given without its newline, whose checksum is right.
pub(crate) fn verified(line: &[u8]) -> Option<&[u8]> {
    let (checksum, json) = line.split_at_checked(CHECKSUM)?;
    let digits = checksum.strip_suffix(b" ").filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    let checksum = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (crc32fast::hash(json) == checksum).then_some(json)
}

/// Says what would be right after an error of this kind.
pub(crate) fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => "make room for it",
        ErrorKind::Unsupported => "name a folder on a disk that has file locks",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "name a folder that this process may read and write"
        }
        _ => "see to the disk, or name another folder",
    }
}

/// Makes a folder and those it is in, for their owner alone.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Begins to open a file that is its owner's alone when it is made.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Removes a file, also when somebody else did.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path).or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Writes a file whole: nobody reads half of it. What is no plain file, such as a pipe, is written to as it is.
#[cfg(feature = "formats")]
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays one: what it leads to is replaced. The standard streams are links too, which name no file to replace.
    let target = if path.starts_with("/dev") { None } else { path.canonicalize().ok() };
    let path = target.as_deref().unwrap_or(path);
    if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        return fs::OpenOptions::new().append(true).open(path)?.write_all(text.as_bytes());
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    written.inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}
