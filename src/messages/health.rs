//! How an application is, and what hoist does about it.

use jiff::SignedDuration;

use crate::domain::health::Finding;
use crate::domain::promotion::Promotion;
use crate::domain::pulse::Pulse;

/// It is not deployed, or not well; what was seen, and what that does to its soak.
pub fn not_well(pulse: &Pulse) -> String {
    let saw = &pulse.saw;
    match pulse.finding {
        Finding::Unseen => format!("whether it is well cannot be seen: {saw}"),
        Finding::NotYet => format!("merged, and not deployed yet: {saw}"),
        Finding::Unsettled => format!("deploying: {saw}"),
        Finding::Well => format!("well, and watched for a moment longer: {saw}"),
        Finding::Ill => format!("not well: {saw}; its soak starts over once it is"),
    }
}

/// An application became ill after a promotion.
pub fn became_ill(promotion: &Promotion, pulse: &Pulse) -> String {
    format!("{} is not well: {}; its soak starts over", promotion.version, pulse.saw)
}

/// An application that was ill is well again.
pub fn became_well(promotion: &Promotion, pulse: &Pulse) -> String {
    format!("{} is well again: {}", promotion.version, pulse.saw)
}

/// An application stays ill, and hoist does something about it.
pub fn stays_ill(promotion: &Promotion, pulse: &Pulse) -> String {
    let length = length(pulse.ill_for);
    format!("{} has not been well for {length}: {}", promotion.version, pulse.saw)
}

/// A length of time in whole minutes, or in seconds below that.
fn length(length: SignedDuration) -> String {
    match length.as_mins() {
        0 => format!("{} s", length.as_secs()),
        minutes => format!("{minutes} min"),
    }
}
