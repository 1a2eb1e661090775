//! Days and months as numbers: days since 1970, and months since the year 0, in UTC. Knows no clock.

/// For how long sums are kept together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Period {
    /// A day.
    Day,
    /// A calendar month.
    Month,
}

impl Period {
    /// The number of the period in which a day lies.
    pub fn of(self, day: u64) -> u64 {
        match self {
            Self::Day => day,
            Self::Month => month_of(day),
        }
    }

    /// The first day of the period of this number.
    pub fn start(self, number: u64) -> u64 {
        match self {
            Self::Day => number,
            Self::Month => first_of_month(number),
        }
    }

    /// The first day after the period of this number.
    pub fn end(self, number: u64) -> u64 {
        self.start(number.saturating_add(1))
    }
}

/// The month of a day (days since 1970, by the proleptic Gregorian calendar; years are counted from March on, so that leap days come last).
fn month_of(day: u64) -> u64 {
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153 + 2;
    (era * 400 + year) * 12 + month
}

/// The first day of a month: the other way round than [`month_of`].
fn first_of_month(month: u64) -> u64 {
    let month = month.saturating_sub(2);
    let (year, month) = (month / 12, month % 12);
    let day = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5;
    day.saturating_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_the_calendar() {
        // 1970-01-01, 1970-01-31, 1970-02-01, 2000-02-29, 2000-03-01, 2026-11-30, 2026-12-01, 2027-01-01.
        let days = [0, 30, 31, 11_016, 11_017, 20_787, 20_788, 20_819];
        let months = [(1970, 0), (1970, 0), (1970, 1), (2000, 1), (2000, 2), (2026, 10), (2026, 11), (2027, 0)];
        for (day, (year, month)) in days.into_iter().zip(months) {
            assert_eq!(month_of(day), year * 12 + month, "day {day}");
        }
        let ends = [31, 31, 59, 11_017, 11_048, 20_788, 20_819, 20_850];
        assert_eq!(days.map(|day| Period::Month.end(month_of(day))), ends);
        assert_eq!(Period::Day.end(Period::Day.of(20_787)), 20_788);
        assert_eq!([20_787, 20_788, 20_818].map(|day| Period::Month.start(month_of(day))), [20_758, 20_788, 20_788]);
    }
}
