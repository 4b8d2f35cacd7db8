//! What it was measured on; a figure without it says nothing.

use std::{
    fmt, fs,
    io::Write as _,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// The machine as far as it matters to a measurement.
#[derive(Debug)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    clocksource: String,
    load: String,
    fdatasync_p50: Duration,
}

impl Machine {
    pub(crate) fn look() -> Result<Self> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
        let processor = model.and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown");
        let clock = read("/sys/devices/system/clocksource/clocksource0/current_clocksource");
        let load = read("/proc/loadavg");
        Ok(Self {
            processor: processor.to_owned(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            clocksource: clock.trim().to_owned(),
            load: load.split_whitespace().next().unwrap_or("unknown").to_owned(),
            fdatasync_p50: fdatasync_p50().context("cannot write to the temporary folder")?,
        })
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "processor": self.processor, "cores": self.cores, "clocksource": self.clocksource,
            "load": self.load, "fdatasync_p50_us": self.fdatasync_p50.as_micros(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, clocksource, load, fdatasync_p50 } = self;
        write!(
            f,
            "{processor}, {cores} cores, clocksource {clocksource}, load {load}, fdatasync p50 {fdatasync_p50:?}"
        )
    }
}

fn fdatasync_p50() -> Result<Duration> {
    const TIMES: usize = 21;
    let path = std::env::temp_dir().join(format!("bookend-bench-{}", std::process::id()));
    let mut file = fs::File::create(&path)?;
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        file.write_all(&[0; 4_096])?;
        let began = Instant::now();
        file.sync_data()?;
        times.push(began.elapsed());
    }
    fs::remove_file(&path)?;
    times.sort_unstable();
    Ok(times[TIMES / 2])
}
