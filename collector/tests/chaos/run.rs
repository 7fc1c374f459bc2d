//! One run: starts everything, deals faults until the time is over, settles and judges at checkpoints and at the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use collector::loadgen::books::{self, Books};
use collector::loadgen::http::Target;
use collector::loadgen::traffic::Traffic;
use collector::store::{Access, Store};
use tokio::time::sleep;

use crate::damage;
use crate::database::Database;
use crate::dice::Dice;
use crate::disk::{self, Ballast};
use crate::fault::{Answer, Damage, Deck, Fault};
use crate::proxy::Proxy;
use crate::report::Report;
use crate::sender::Pages;
use crate::subject::Subject;
use crate::verdict::{self, Allowed};
use crate::watch::Watch;

/// How long the faults go on, and what decides them.
#[derive(Clone, Debug)]
pub struct Form {
    pub seed: u64,
    pub is_long: bool,
    /// Only faults whose name contains this.
    pub only: String,
    pub faults_for: Duration,
    /// Goes on until there were as many, but at most twice as long.
    pub fewest_faults: u64,
    /// Between two verdicts.
    pub verdict_every: Duration,
    /// Outages of ClickHouse: the first one, and at most all others.
    pub first_outage_ms: u64,
    pub longest_outage_ms: u64,
    /// Whether disks of our own can be mounted.
    pub has_disks: bool,
}

/// The spool's cap, what must stay free, and the copies of damaged segments, which the collector never deletes.
const SPOOL_DISK_BYTES: u64 = 512 * 1024 * 1024;
/// Several times what the long form stores.
const CLICKHOUSE_DISK_BYTES: u64 = 1024 * 1024 * 1024;
/// What a crash step may take to be reached.
const CRASH_TIME: Duration = Duration::from_secs(6);
/// From the end of all faults to an empty spool: the longest pause between two attempts is 30 s.
const DRAIN_TIME: Duration = Duration::from_secs(90);
/// Resident set of the collector. The promise of 100 MB is for ordinary beacons and the optimised binary, and `bench ingest` holds
/// it; here beacons are four times as large, and a number that grows from life to life would show.
const MAX_RSS_KB: u64 = 320 * 1024;

/// Everything that runs, and everything that is known about it.
pub struct Run {
    form: Form,
    folder: PathBuf,
    dice: Dice,
    database: Database,
    store: Store,
    proxy: Proxy,
    subject: Subject,
    pages: Arc<Pages>,
    metrics: Target,
    watch: Arc<Watch>,
    allowed: Allowed,
    began: Instant,
    pub log: Vec<String>,
    report: Report,
}

impl Run {
    pub async fn start(form: Form, folder: &Path) -> anyhow::Result<Run> {
        let dice = Dice::new(form.seed);
        let (of_database, of_collector) = (folder.join("database"), folder.join("collector"));
        std::fs::create_dir_all(&of_database)?;
        std::fs::create_dir_all(&of_collector)?;
        if form.has_disks {
            disk::mount(&of_database, CLICKHOUSE_DISK_BYTES)?;
            disk::mount(&of_collector.join("spool"), SPOOL_DISK_BYTES)?;
        }
        let database = Database::start(&of_database).await?;
        let proxy = Proxy::start(&database.access().url).await?;
        let through_proxy = Access {
            url: proxy.url.clone(),
            ..database.access()
        };
        let mut subject = Subject::new(of_collector, through_proxy)?;
        subject.start().await?;
        let ingest = Target::resolve(&subject.ingest_url(), false).await?;
        let metrics = Target::resolve(&subject.metrics_url(), false).await?;
        let pages = Pages::new(Traffic::new(form.seed, 0), ingest);
        pages.start(&dice.part(1));
        let watch = Watch::start(metrics.clone());
        Ok(Run {
            form,
            folder: folder.to_owned(),
            store: Store::new(database.access()),
            dice,
            database,
            proxy,
            subject,
            pages,
            metrics,
            watch,
            allowed: Allowed::default(),
            began: Instant::now(),
            log: Vec::new(),
            report: Report::default(),
        })
    }

    /// Deals faults until the time is over.
    ///
    /// # Errors
    /// The first thing that is not as it must be.
    pub async fn go(&mut self) -> anyhow::Result<()> {
        let mut deck = Deck::new(
            self.dice.part(2),
            self.form.first_outage_ms,
            self.form.longest_outage_ms,
        );
        let mut pauses = self.dice.part(3);
        let mut judged = Instant::now();
        while !self.is_over() {
            let fault = deck.deal();
            if !fault.kind().contains(&self.form.only) {
                continue;
            }
            self.say(format!("{fault}"));
            self.inflict(fault)
                .await
                .with_context(|| format!("during: {fault}"))?;
            self.look()
                .await
                .with_context(|| format!("after: {fault}"))?;
            sleep(Duration::from_millis(pauses.between(100, 400))).await;
            if judged.elapsed() > self.form.verdict_every {
                self.settle_and_judge().await?;
                judged = Instant::now();
            }
        }
        self.settle_and_judge().await
    }

    /// On a busy machine the long form takes longer, and is as thorough.
    fn is_over(&self) -> bool {
        let elapsed = self.began.elapsed();
        let faults = self.report.faults.values().sum::<u64>();
        let enough = faults >= self.form.fewest_faults || elapsed >= 2 * self.form.faults_for;
        elapsed >= self.form.faults_for && enough
    }

    async fn inflict(&mut self, fault: Fault) -> anyhow::Result<()> {
        let known = match fault {
            Fault::KillCollector => {
                self.subject.kill()?;
                self.subject.start().await.map(|()| true)?
            }
            Fault::EndCollector => {
                self.subject.end().await?;
                self.subject.start().await.map(|()| true)?
            }
            Fault::CrashAt { step, count } => {
                self.crash_at(&format!("{}:{count}", step.name()), step.name())
                    .await?
            }
            Fault::KillClickHouse => {
                self.database.kill().await;
                self.database.run().await.map(|()| true)?
            }
            Fault::KillBoth => {
                self.subject.kill()?;
                self.database.kill().await;
                // The collector first: it must come up without ClickHouse.
                self.subject.start().await?;
                self.database.run().await.map(|()| true)?
            }
            Fault::ClickHouseAway { ms } => {
                self.database.kill().await;
                self.pages.burst(true);
                sleep(Duration::from_millis(ms)).await;
                self.pages.burst(false);
                self.look().await?;
                self.database.run().await.map(|()| true)?
            }
            Fault::ClickHouseHangs { ms } => {
                self.database.hang();
                sleep(Duration::from_millis(ms)).await;
                self.database.go_on();
                true
            }
            Fault::Answers { how, ms } => {
                self.proxy.answer(how);
                sleep(Duration::from_millis(ms)).await;
                self.proxy.answer(Answer::Pass);
                true
            }
            Fault::SpoolDiskFull { free_bytes, ms } => {
                self.fill_disk(self.subject.spool_dir(), free_bytes, ms)
                    .await?
            }
            Fault::ClickHouseDiskFull { free_bytes, ms } => {
                self.fill_disk(self.folder.join("database"), free_bytes, ms)
                    .await?
            }
            Fault::Damage { how, dice } => self.damage(how, Dice::new(dice)).await?,
            Fault::ForeignRecords { count } => {
                self.subject.kill()?;
                damage::append_foreign(&self.subject.spool_dir(), count).await?;
                self.allowed.dead_letters += count;
                self.allowed.foreign += count;
                self.subject.start().await.map(|()| true)?
            }
            Fault::ClockJump { offset_ms } => {
                self.subject.kill()?;
                self.subject.clock_offset_ms = offset_ms;
                self.subject.start().await.map(|()| true)?
            }
        };
        let counted = match known {
            true => &mut self.report.faults,
            false => &mut self.report.skipped,
        };
        *counted.entry(fault.kind()).or_default() += 1;
        Ok(())
    }

    /// Kills the collector and lets its next life end at a step, and the one after go on from there.
    async fn crash_at(&mut self, at: &str, step: &str) -> anyhow::Result<bool> {
        use std::os::unix::process::ExitStatusExt;
        self.subject.kill()?;
        if step == "dead-letter-kept" {
            damage::append_foreign(&self.subject.spool_dir(), 2).await?;
            self.allowed.dead_letters += 2;
            self.allowed.foreign += 2;
        }
        // Segments are full after seconds of this.
        self.pages.burst(step.starts_with("segment"));
        let ended = match self.subject.start_to_crash(at).await? {
            Some(status) => Some(status),
            None => self.subject.ended_within(CRASH_TIME).await?,
        };
        self.pages.burst(false);
        match ended {
            Some(status) if status.signal() == Some(9) => self.report.crashes += 1,
            Some(status) => bail!("told to crash at {at}, the collector ends with {status}"),
            None => {
                self.subject.kill()?;
            }
        }
        self.subject.start().await?;
        Ok(ended.is_some())
    }

    async fn fill_disk(&mut self, dir: PathBuf, free_bytes: u64, ms: u64) -> anyhow::Result<bool> {
        if !self.form.has_disks {
            return Ok(false);
        }
        let ballast = Ballast::fill(&dir, free_bytes)?;
        sleep(Duration::from_millis(ms)).await;
        drop(ballast);
        self.database.run().await?; // an engine may well end of a full disk
        Ok(true)
    }

    /// Damages the files of a collector that was killed with a good deal in its spool.
    async fn damage(&mut self, how: Damage, dice: Dice) -> anyhow::Result<bool> {
        self.proxy.answer(Answer::Refuse);
        self.pages.burst(true);
        // A segment is full after less than a second of this.
        sleep(Duration::from_millis(1_500)).await;
        self.pages.burst(false);
        self.subject.kill()?;
        let cost = damage::damage(&self.subject.spool_dir(), how, dice)?;
        self.say(format!(
            "  {}, {} records lost, {} of them foreign",
            cost.told, cost.records, cost.foreign
        ));
        for (view, seq) in &cost.beacons {
            let view = self.pages.traffic().view_number(*view);
            self.pages
                .forget(view.context("a beacon that was never sent")?, *seq);
        }
        self.allowed.quarantined += cost.records;
        self.allowed.dead_letters -= cost.foreign;
        if let Some(recounted) = cost.recounted {
            // The counts of earlier losses are gone with the checkpoint; those still on disk are met once more.
            self.allowed.quarantined = recounted.missing;
            self.allowed.dead_letters = recounted.foreign;
        }
        self.proxy.answer(Answer::Pass);
        self.subject.start().await?;
        Ok(!cost.told.is_empty())
    }

    /// One look at the collector from outside: it lives, and its books balance.
    async fn look(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.subject.has_ended()? {
            bail!("the collector has ended by itself: {status}");
        }
        self.subject.note_rss();
        let books = Books::read(&self.metrics, None).await?;
        ensure!(books.balance(), "the books do not balance: {books:?}");
        self.watch.verdict()
    }

    async fn settle_and_judge(&mut self) -> anyhow::Result<()> {
        self.say("settle and judge".into());
        let pages = self.pages.clone();
        let _nothing_on_its_way = pages.gate.write().await;
        self.database.run().await?;
        // Its last life ends with a batch on its way, so that whatever was acknowledged too early is lost for all to see; and a
        // fresh one does not wait for the end of a pause that an outage has left.
        self.proxy.answer(Answer::Refuse);
        sleep(Duration::from_millis(1_200)).await; // a batch is sealed after a second
        self.subject.kill()?;
        self.proxy.answer(Answer::Pass);
        self.subject.start().await?;
        let books = books::drained(&self.metrics, None, DRAIN_TIME).await?;
        verdict::audit(&books, self.allowed, &pages.sums())?;
        self.report.compared = verdict::judge(&self.store, &pages).await?;
        self.look().await?;
        let peak_kb = self.subject.peak_rss_kb;
        ensure!(
            peak_kb <= MAX_RSS_KB,
            "the collector takes {peak_kb} kB of memory"
        );
        let log = std::fs::read_to_string(self.subject.log_path())?;
        let panic = log.lines().find(|line| line.contains("panicked"));
        if let Some(panic) = panic {
            bail!("the collector's log has a panic: {panic}");
        }
        let anew = log.lines().filter(|line| line.contains("is sent anew"));
        self.report.sent_anew = anew.count() as u64;
        self.report.verdicts += 1;
        Ok(())
    }

    fn say(&mut self, what: String) {
        let at_s = self.began.elapsed().as_secs_f64();
        self.log.push(format!("{at_s:7.1} s  {what}"));
    }

    /// What was seen so far, as a table.
    pub fn table(&self) -> String {
        let report = Report {
            looks: self.watch.looks.load(Ordering::Relaxed),
            starts: self.subject.starts,
            peak_rss_kb: self.subject.peak_rss_kb,
            refused_requests: self.proxy.hit.load(Ordering::Relaxed),
            allowed: self.allowed,
            ..self.report.clone()
        };
        report.table(&self.pages.sums())
    }

    /// Copies the spool off a disk that ends with this process, for somebody to look at.
    pub fn keep_files(&mut self) {
        let _ = self.subject.kill();
        let (from, to) = (self.subject.spool_dir(), self.folder.join("spool-kept"));
        let _ = std::fs::create_dir_all(&to);
        for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
            let _ = std::fs::copy(entry.path(), to.join(entry.file_name()));
        }
        let log = self.folder.join("database/clickhouse/server.log");
        let _ = std::fs::copy(log, self.folder.join("clickhouse-kept.log"));
    }
}
