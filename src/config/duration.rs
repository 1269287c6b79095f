//! Lengths of time as people write them: `30m`, `2h`, `1d`, `1h30m`.

use jiff::SignedDuration;

/// Why a text is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time")]
pub struct InvalidDuration(String);

/// A year: what is longer is a slip of the finger.
const LONGEST_SECONDS: i64 = 366 * 86_400;

/// Parses numbers with units, the larger ones first: `s`, `m`, `h`, `d` (24 hours).
pub fn parse_duration(text: &str) -> Result<SignedDuration, InvalidDuration> {
    let invalid = || InvalidDuration(text.chars().take(40).collect());
    let mut rest = text;
    let mut last_unit = i64::MAX;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
        let number: i64 = rest[..digits].parse().map_err(|_| invalid())?;
        let mut after = rest[digits..].chars();
        let unit = match after.next() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            Some(_) | None => return Err(invalid()),
        };
        if unit >= last_unit {
            return Err(invalid());
        }
        last_unit = unit;
        total = number.checked_mul(unit).and_then(|n| n.checked_add(total)).ok_or_else(invalid)?;
        rest = after.as_str();
    }
    if last_unit == i64::MAX || total > LONGEST_SECONDS {
        return Err(invalid());
    }
    Ok(SignedDuration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_written_as_people_do() {
        for (text, seconds) in
            [("30m", 1_800), ("2h", 7_200), ("1d", 86_400), ("1h30m", 5_400), ("0s", 0)]
        {
            assert_eq!(parse_duration(text), Ok(SignedDuration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "30", "m", "30 m", "1m1h", "1m1m", "-5m", "1.5h", "367d", "5µ"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        assert!(parse_duration("99999999999999999999d").is_err());
    }
}
