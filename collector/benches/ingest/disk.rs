//! What a sync costs on this disk at this time, without any of ours around it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const TIME: Duration = Duration::from_secs(3);
/// About what a group commit writes.
const WRITE_BYTES: usize = 64 * 1024;

/// The 99th percentile of write and fdatasync, in ms.
pub fn sync_p99_ms(folder: &Path) -> anyhow::Result<f64> {
    let path = folder.join("sync");
    let mut file = File::create(&path)?;
    let (bytes, mut took_ms) = (vec![7; WRITE_BYTES], Vec::new());
    let began = Instant::now();
    while began.elapsed() < TIME {
        let each = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        took_ms.push(each.elapsed().as_secs_f64() * 1000.0);
    }
    std::fs::remove_file(path)?;
    took_ms.sort_by(f64::total_cmp);
    Ok(took_ms[took_ms.len() * 99 / 100])
}
