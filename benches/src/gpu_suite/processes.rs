use std::path::Path;
use std::process::{Command, Output, Stdio};

use candor_lab::run::RunError;

use super::{Answer, Case, OpenDevice, Report, Size};

/// Does each case in a process of its own, telling about it on standard error, and keeps the report at `out` current.
///
/// Such a process is this program again, with `--device`, `--size` and `--case NAME`; it prints its [`Answer`] as the
/// last line of its standard output.
///
/// # Errors
///
/// A report that cannot be written, before anything is measured. What goes wrong in a process is in the report.
pub fn run(
    device: &OpenDevice,
    size: Size,
    cases: &[Case],
    out: Option<&Path>,
) -> Result<Report, RunError> {
    let mut report = Report::new(device, size);
    let write = |report: &Report| out.map_or(Ok(()), |path| report.write(path));
    write(&report)?;
    for (index, case) in cases.iter().enumerate() {
        let answer = ask(device, size, *case).unwrap_or_else(|why| case.died(device, why));
        eprintln!("[{}/{}] {case}: {answer}", index + 1, cases.len());
        report.add(answer);
        write(&report)?;
    }
    Ok(report)
}

/// The answer of a process, or what its last words were.
fn ask(device: &OpenDevice, size: Size, case: Case) -> Result<Answer, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program)
        .args(["--device", &device.choice().to_string()])
        .args(["--size", &size.to_string()])
        .args(["--case", &case.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&output.stderr);
    // Where all went well, drivers chatter, and only what was left out is worth a line.
    let worth_a_line = |line: &&str| !output.status.success() || line.contains("skipped");
    for line in told.lines().filter(worth_a_line) {
        eprintln!("{line}");
    }
    answer(&output).ok_or_else(|| {
        let last = told.lines().rfind(|line| !line.trim().is_empty());
        format!("{}: {}", output.status, last.unwrap_or("no word"))
    })
}

fn answer(output: &Output) -> Option<Answer> {
    let text = output.status.success().then_some(&output.stdout)?;
    let text = String::from_utf8_lossy(text);
    serde_json::from_str(text.lines().last()?).ok()
}
