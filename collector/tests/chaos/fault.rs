//! What is done to collector and ClickHouse, and in which order: a deck of every kind of fault, shuffled by the seed, dealt again
//! when it is empty. Not here: doing it.

use std::fmt;

use collector::spool::steps::Step;

use crate::dice::Dice;

/// One fault with everything that decides it.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    KillCollector,
    /// The collector kills itself the `count`th time that it reaches the step.
    CrashAt {
        step: Step,
        count: u64,
    },
    /// An operator stops it.
    EndCollector,
    KillClickHouse,
    ClickHouseAway {
        ms: u64,
    },
    /// SIGSTOP: it holds its connections and says nothing.
    ClickHouseHangs {
        ms: u64,
    },
    KillBoth,
    /// ClickHouse answers like this.
    Answers {
        how: Answer,
        ms: u64,
    },
    SpoolDiskFull {
        free_bytes: u64,
        ms: u64,
    },
    /// Below the floor at which the server stops writing by itself. Not to the last byte: of a merge that runs out of space the
    /// engine has left a part with an empty index file, which nothing outside of it can prevent but a floor.
    ClickHouseDiskFull {
        free_bytes: u64,
        ms: u64,
    },
    /// The files of a stopped collector.
    Damage {
        how: Damage,
        dice: u64,
    },
    /// Records that are no beacons, as a broken version would have spooled them.
    ForeignRecords {
        count: u64,
    },
    /// The collector's clock is off by this much from its next start on.
    ClockJump {
        offset_ms: i64,
    },
}

/// What stands between collector and ClickHouse does to each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Pass,
    Refuse,
    Status500,
    TooManyParts,
    MemoryLimit,
    NotEnoughSpace,
    TableIsReadOnly,
    WrongPassword,
    /// The connection ends before ClickHouse has seen anything.
    LostBefore,
    /// ClickHouse gets half of the body.
    LostWithin,
    /// ClickHouse has done it, and the answer is lost.
    LostAfter,
    HangsBefore,
    HangsAfter,
    Slow,
    /// What a server that was killed between its note of a token and the rows does ever after, for every token: the first attempt
    /// ends without an answer and leaves nothing, and each later one is taken for known.
    TokenWithoutRows,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Some bits inside of records.
    RecordBits,
    /// One bit in the head of a segment: costs no record.
    SegmentHead,
    /// A segment that others follow is cut.
    Truncate,
    /// What a crash leaves of a commit that nobody was told of.
    TornTail,
    CheckpointBit,
    CheckpointGone,
    CheckpointCut,
}

impl Fault {
    /// The row of the table that counts it.
    pub fn kind(&self) -> String {
        match self {
            Fault::KillCollector => "kill -9 collector".into(),
            Fault::CrashAt { step, .. } => format!("crash at {}", step.name()),
            Fault::EndCollector => "SIGTERM collector".into(),
            Fault::KillClickHouse => "kill -9 ClickHouse".into(),
            Fault::ClickHouseAway { .. } => "ClickHouse away".into(),
            Fault::ClickHouseHangs { .. } => "ClickHouse stopped (SIGSTOP)".into(),
            Fault::KillBoth => "kill -9 both".into(),
            Fault::Answers { how, .. } => format!("ClickHouse {how:?}"),
            Fault::SpoolDiskFull { .. } => "spool disk full".into(),
            Fault::ClickHouseDiskFull { .. } => "ClickHouse disk full".into(),
            Fault::Damage { how, .. } => format!("damage {how:?}"),
            Fault::ForeignRecords { .. } => "foreign records".into(),
            Fault::ClockJump { .. } => "clock jump".into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::CrashAt { count, .. } => write!(f, "{}:{count}", self.kind()),
            Fault::ClickHouseAway { ms }
            | Fault::ClickHouseHangs { ms }
            | Fault::Answers { ms, .. } => write!(f, "{} for {ms} ms", self.kind()),
            Fault::SpoolDiskFull { free_bytes, ms }
            | Fault::ClickHouseDiskFull { free_bytes, ms } => {
                write!(f, "{} but for {free_bytes} B for {ms} ms", self.kind())
            }
            Fault::ForeignRecords { count } => write!(f, "{count} {}", self.kind()),
            Fault::ClockJump { offset_ms } => write!(f, "{} to {offset_ms} ms", self.kind()),
            _ => f.write_str(&self.kind()),
        }
    }
}

/// Every kind of fault once (some twice), shuffled, for ever.
pub struct Deck {
    dice: Dice,
    cards: Vec<Fault>,
    next_outage_ms: u64,
    longest_outage_ms: u64,
}

impl Deck {
    pub fn new(dice: Dice, first_outage_ms: u64, longest_outage_ms: u64) -> Deck {
        Deck {
            dice,
            cards: Vec::new(),
            next_outage_ms: first_outage_ms,
            longest_outage_ms,
        }
    }

    pub fn deal(&mut self) -> Fault {
        if self.cards.is_empty() {
            self.cards = self.shuffled();
        }
        self.cards.pop().expect("a deck has cards")
    }

    fn shuffled(&mut self) -> Vec<Fault> {
        const ANSWERS: [Answer; 14] = [
            Answer::Refuse,
            Answer::Status500,
            Answer::TooManyParts,
            Answer::MemoryLimit,
            Answer::NotEnoughSpace,
            Answer::TableIsReadOnly,
            Answer::WrongPassword,
            Answer::LostBefore,
            Answer::LostWithin,
            Answer::LostAfter,
            Answer::HangsBefore,
            Answer::HangsAfter,
            Answer::Slow,
            Answer::TokenWithoutRows,
        ];
        const DAMAGES: [Damage; 7] = [
            Damage::RecordBits,
            Damage::SegmentHead,
            Damage::Truncate,
            Damage::TornTail,
            Damage::CheckpointBit,
            Damage::CheckpointGone,
            Damage::CheckpointCut,
        ];
        /// Two hours back, three ahead, a day, and back to right.
        const OFFSETS_MS: [i64; 5] = [-7_200_000, 10_800_000, -86_400_000, 1_500, 0];
        let dice = &mut self.dice;
        let outage_ms = self.next_outage_ms;
        self.next_outage_ms = dice.between(1_000, self.longest_outage_ms);
        let mut cards = vec![
            Fault::KillCollector,
            Fault::KillCollector,
            Fault::EndCollector,
            Fault::KillClickHouse,
            Fault::KillClickHouse,
            Fault::KillBoth,
            Fault::ClickHouseAway { ms: outage_ms },
            Fault::ClickHouseHangs {
                ms: dice.between(500, 4_000),
            },
            Fault::SpoolDiskFull {
                free_bytes: 0,
                ms: dice.between(500, 2_000),
            },
            Fault::SpoolDiskFull {
                free_bytes: dice.between(4_096, 64 * 1024 * 1024),
                ms: dice.between(500, 2_000),
            },
            Fault::ClickHouseDiskFull {
                free_bytes: dice.between(96 * 1024 * 1024, 224 * 1024 * 1024),
                ms: dice.between(500, 2_500),
            },
            Fault::ForeignRecords {
                count: dice.between(1, 4),
            },
            Fault::ClockJump {
                offset_ms: *dice.pick(&OFFSETS_MS),
            },
        ];
        cards.extend(Step::ALL.map(|step| Fault::CrashAt {
            step,
            count: dice.between(1, most(step)),
        }));
        cards.extend(ANSWERS.map(|how| Fault::Answers {
            how,
            ms: dice.between(300, 3_000),
        }));
        for how in DAMAGES.into_iter().chain([Damage::RecordBits]) {
            cards.push(Fault::Damage {
                how,
                dice: dice.next(),
            });
        }
        dice.shuffle(&mut cards);
        cards
    }
}

/// Steps of every commit come hundreds of times a second, those of a batch or a segment once or twice.
fn most(step: Step) -> u64 {
    match step {
        Step::RecordHeadTorn
        | Step::RecordBodyTorn
        | Step::CommitTorn
        | Step::CommitWritten
        | Step::CommitSynced => 200,
        Step::DeadLetterKept | Step::SegmentDeleted | Step::SegmentClosed => 2,
        _ => 3,
    }
}
