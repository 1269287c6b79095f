//! What several looks at an application's health come to: how long it has been well, or ill.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::health::{Finding, Glance, Sign};
use super::id::PromotionId;

/// The longest time between two looks that counts as seen.
///
/// Everything is looked at once a minute. What is longer was not watched: hoist was away, or a
/// clock jumped; neither may make a soak shorter.
const LONGEST_GAP: SignedDuration = SignedDuration::from_mins(2);

/// How long it must have been well before that is believed to be the new version.
const SETTLES: SignedDuration = SignedDuration::from_secs(30);

/// How long, without a break, a promotion's application has been well or ill; survives a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulse {
    /// The promotion that it is about.
    pub promotion: PromotionId,
    /// What the last look found.
    pub finding: Finding,
    /// Since when looks find that.
    pub since: Timestamp,
    /// The last look.
    pub seen_at: Timestamp,
    /// What it saw.
    pub saw: String,
    /// For how long it was seen to be well since it was last ill or not there.
    pub well_for: SignedDuration,
    /// For how long it was seen to be ill without a break.
    pub ill_for: SignedDuration,
    /// When hoist did something about its being ill: it does so once.
    pub answered_at: Option<Timestamp>,
}

impl Pulse {
    /// What is known after a look. The same look twice changes nothing.
    #[must_use]
    pub fn after(before: Option<&Self>, promotion: &PromotionId, glance: &Glance) -> Self {
        let before = before.filter(|before| &before.promotion == promotion);
        let Some(before) = before else {
            return Self {
                promotion: promotion.clone(),
                finding: glance.finding,
                since: glance.at,
                seen_at: glance.at,
                saw: glance.saw.clone(),
                well_for: SignedDuration::ZERO,
                ill_for: SignedDuration::ZERO,
                answered_at: None,
            };
        };
        let is_same = before.finding == glance.finding;
        // The same look again adds nothing; another one of the same instant does.
        if is_same && before.seen_at == glance.at {
            return before.clone();
        }
        let gap = glance.at.duration_since(before.seen_at);
        let seen = if is_same {
            gap.clamp(SignedDuration::ZERO, LONGEST_GAP)
        } else {
            SignedDuration::ZERO
        };
        let (well_for, ill_for) = match glance.finding {
            Finding::Well => (before.well_for.saturating_add(seen), SignedDuration::ZERO),
            Finding::Ill => (SignedDuration::ZERO, before.ill_for.saturating_add(seen)),
            Finding::Unsettled => (before.well_for, SignedDuration::ZERO),
            Finding::NotYet => (SignedDuration::ZERO, SignedDuration::ZERO),
            // Not to be seen is neither: nothing is added, and nothing forgotten.
            Finding::Unseen => (before.well_for, before.ill_for),
        };
        Self {
            promotion: promotion.clone(),
            finding: glance.finding,
            since: if is_same { before.since } else { glance.at },
            seen_at: glance.at,
            saw: glance.saw.clone(),
            well_for,
            ill_for,
            answered_at: before.answered_at,
        }
    }

    /// Tells whether it is well, and long enough so that it is the new version that is.
    pub fn is_settled(&self, sign: Sign) -> bool {
        let is_sure = match sign {
            Sign::Digest => true,
            Sign::Revision => self.seen_at.duration_since(self.since) >= SETTLES,
        };
        self.finding == Finding::Well && is_sure
    }

    /// The same at a time to come, if what is well stays well until then.
    #[must_use]
    pub fn lasting(&self, at: Timestamp) -> Self {
        let more = at.duration_since(self.seen_at);
        if self.finding != Finding::Well || !more.is_positive() {
            return self.clone();
        }
        let well_for = self.well_for.saturating_add(more);
        Self { seen_at: at, well_for, ..self.clone() }
    }

    /// How long it must still be well until it was well for `soak`.
    pub fn remains(&self, soak: SignedDuration) -> SignedDuration {
        soak.saturating_sub(self.well_for).max(SignedDuration::ZERO)
    }
}
