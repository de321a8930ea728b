use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use candor_lab::run::{RunError, process_memory};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::{Format, gpu_suite, print_json, table};
use crate::cargo::{cargo, executables, features, workspace};

/// What is measured, and against whom.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Another suite than the benches of the components.
    #[arg(long, value_enum)]
    suite: Option<Suite>,
    #[command(flatten)]
    gpu: gpu_suite::GpuArguments,
    /// Only cases whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// A peer's figures, as the peers' bench prints them.
    #[arg(long, value_name = "FILE", conflicts_with = "suite")]
    peers: Option<PathBuf>,
    /// What a peer is called that the file does not name.
    #[arg(long, default_value = "peer", conflicts_with = "suite")]
    peer_name: String,
    /// Write the lines to this file, for docs/performance.json; the suite gpu, its report.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Table or JSON.
    #[arg(long, value_enum, default_value_t, conflicts_with = "suite")]
    format: Format,
}

/// What is measured instead of the components.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Suite {
    /// Golden cases, fused operators and a language model on one device.
    Gpu,
}

/// One case on one backend.
#[derive(Debug, Serialize)]
struct Line {
    case: String,
    backend: String,
    ours_s: f64,
    /// Half the width of the median's 95 % interval, as a share of the median.
    spread: f64,
    /// Peak resident memory of the case's own process, sampled.
    ours_mib: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_mib: Option<u64>,
    /// Ours / theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
}

#[derive(Deserialize)]
struct Peers {
    cases: BTreeMap<String, PeerCase>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PeerCase {
    Measured {
        peer: Option<String>,
        median_s: f64,
        peak_rss_mib: u64,
    },
    Failed {
        error: String,
    },
}

/// Runs each case in a process of its own, so that its peak memory is its own; or another suite.
pub(crate) fn run(arguments: &Arguments) -> Result<(), RunError> {
    if let Some(Suite::Gpu) = arguments.suite {
        return gpu_suite::run(&arguments.gpu, &arguments.only, arguments.out.as_deref());
    }
    let peers = arguments.peers.as_deref().map(read_peers).transpose()?;
    let mut lines = Vec::new();
    for binary in build()? {
        for case in list(&binary, &arguments.only)? {
            eprintln!("measuring {case}");
            let mut line = measure(&binary, &case)?;
            if let Some(PeerCase::Measured {
                peer,
                median_s,
                peak_rss_mib,
            }) = peers.as_ref().and_then(|peers| peers.cases.get(&line.case))
            {
                let unnamed = || arguments.peer_name.clone();
                line.peer = Some(peer.clone().unwrap_or_else(unnamed));
                line.peer_s = Some(*median_s);
                line.peer_mib = Some(*peak_rss_mib);
                line.ratio = Some(line.ours_s / median_s);
            }
            lines.push(line);
        }
    }
    if let Some(path) = &arguments.out {
        let mut text = serde_json::to_vec_pretty(&lines)
            .map_err(|error| RunError::file("write", path, error))?;
        text.push(b'\n');
        std::fs::write(path, text).map_err(|error| RunError::file("write", path, error))?;
    }
    if arguments.format == Format::Json {
        return print_json(&lines);
    }
    print(&lines);
    Ok(())
}

fn print(lines: &[Line]) {
    let mut table = table(&[
        "case",
        "backend",
        "ours, ms",
        "± %",
        "peer, ms",
        "ours/peer",
        "ours, MiB",
        "peer, MiB",
    ]);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    for line in lines {
        table.add_row([
            line.case.clone(),
            line.backend.clone(),
            format!("{:.3}", line.ours_s * 1e3),
            format!("{:.0}", line.spread * 1e2),
            or_dash(line.peer_s.map(|seconds| format!("{:.3}", seconds * 1e3))),
            or_dash(line.ratio.map(|ratio| format!("{ratio:.2}"))),
            line.ours_mib.to_string(),
            or_dash(line.peer_mib.map(|mib| mib.to_string())),
        ]);
    }
    println!("{table}");
}

fn read_peers(path: &Path) -> Result<Peers, RunError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| RunError::file("read", path, error))?;
    let peers: Peers =
        serde_json::from_str(&text).map_err(|error| RunError::file("read", path, error))?;
    for (name, case) in &peers.cases {
        if let PeerCase::Failed { error } = case {
            eprintln!(
                "the peer's case {name} failed: {}",
                error.lines().last().unwrap_or_default()
            );
        }
    }
    Ok(peers)
}

/// Builds the benches and gives their binaries.
fn build() -> Result<Vec<PathBuf>, RunError> {
    let features = features();
    let command = cargo(&[
        "bench",
        "--package",
        "candor-benches",
        "--benches",
        "--no-run",
        "--features",
        &features,
    ]);
    executables(command, "bench")
}

/// The cases of a binary, `group/backend`.
fn list(binary: &Path, only: &str) -> Result<Vec<String>, RunError> {
    let output = Command::new(binary)
        .args(["--bench", "--list"])
        .output()
        .map_err(|error| RunError::file("run", binary, error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text
        .lines()
        .filter_map(|line| line.strip_suffix(": benchmark"))
        .filter(|case| case.contains(only))
        .map(str::to_owned)
        .collect())
}

fn measure(binary: &Path, case: &str) -> Result<Line, RunError> {
    #[derive(Deserialize)]
    struct Estimates {
        median: Estimate,
    }
    #[derive(Deserialize)]
    struct Estimate {
        point_estimate: f64,
        confidence_interval: Interval,
    }
    #[derive(Deserialize)]
    struct Interval {
        lower_bound: f64,
        upper_bound: f64,
    }
    // Named, or criterion would look for the build's folder itself, which may lie elsewhere.
    let home = workspace().join("target/criterion");
    let child = Command::new(binary)
        .args(["--bench", "--exact", case])
        .current_dir(workspace())
        .env("CRITERION_HOME", &home)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| RunError::file("run", binary, error))?;
    let ours_mib = peak_of(child, case)? >> 20;
    let path = home.join(format!("{case}/new/estimates.json"));
    let text =
        std::fs::read_to_string(&path).map_err(|error| RunError::file("read", &path, error))?;
    let Estimates { median } =
        serde_json::from_str(&text).map_err(|error| RunError::file("read", &path, error))?;
    let interval = &median.confidence_interval;
    let (group, backend) = case.split_once('/').unwrap_or((case, ""));
    Ok(Line {
        case: group.to_owned(),
        backend: backend.to_owned(),
        ours_s: median.point_estimate * 1e-9,
        spread: (interval.upper_bound - interval.lower_bound) / (2.0 * median.point_estimate),
        ours_mib,
        peer: None,
        peer_s: None,
        peer_mib: None,
        ratio: None,
    })
}

/// Waits for a process and gives the largest resident memory seen on the way.
fn peak_of(mut child: Child, case: &str) -> Result<u64, RunError> {
    let failed = |reason: String| RunError::Command {
        command: format!("bench {case}"),
        reason,
    };
    let mut peak = 0;
    loop {
        peak = peak.max(process_memory(child.id()));
        match child
            .try_wait()
            .map_err(|error| failed(error.to_string()))?
        {
            None => std::thread::sleep(Duration::from_millis(20)),
            Some(status) if status.success() => return Ok(peak),
            Some(status) => return Err(failed(status.to_string())),
        }
    }
}
