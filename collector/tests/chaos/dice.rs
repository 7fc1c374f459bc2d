//! Random numbers that a seed decides.

use collector::loadgen::traffic::mix;

#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
}

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice { state: mix(seed) }
    }

    /// Independent dice for a part of the run, so that the parts do not disturb each other's sequence.
    pub fn part(&self, number: u64) -> Dice {
        Dice::new(self.state ^ mix(number))
    }

    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(1);
        mix(self.state)
    }

    /// From `low` up to and not including `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low)
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.next() % 100 < chance
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.between(0, from.len() as u64) as usize]
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.between(0, at as u64 + 1) as usize);
        }
    }
}
