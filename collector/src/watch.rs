//! The timer that lets `detect` judge the rollups and stores what it found.
