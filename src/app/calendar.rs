//! Freezes begin and end by themselves. Whoever is told of freezes is told of that, too, and once:
//! what was told stands in the store, so that no restart tells it anew or forgets it.

use super::ports::{Calendared, Edge, Turned};
use super::{App, AppError, Mode};
use crate::domain::command::Actor;
use crate::domain::freeze::{Freeze, Origin, Scope};
use crate::domain::id::FreezeId;
use crate::messages::freeze as words;

impl App {
    /// Records which freezes have begun and which have ended since it was last looked.
    pub async fn turn_calendar(&self) -> Result<(), AppError> {
        if self.mode == Mode::ReadOnly {
            return Ok(());
        }
        let now = self.clock.now();
        let all = self.all_freezes().await?;
        let (on, over): (Vec<&Freeze>, Vec<&Freeze>) =
            all.iter().filter(|it| it.begins <= now).partition(|it| it.is_on(now));
        for (id, freeze) in over.iter().filter_map(|it| Some((asked_for(it)?, it))) {
            let text = words::ran_out(freeze, &on);
            self.turn(Edge::RanOut(id.clone()), &freeze.scope, &text).await?;
        }
        let told = self.store.calendar().await?;
        let begun: Vec<(Calendared, &Freeze)> =
            on.iter().flat_map(|it| in_each_place(it)).collect();
        for (place, freeze) in begun.iter().filter(|(place, _)| !told.contains(place)) {
            let scope = scope_of(place);
            let text = words::begun(freeze, &scope);
            self.turn(Edge::Begun(place.clone()), &scope, &text).await?;
        }
        for place in told.iter().filter(|it| begun.iter().all(|(on, _)| on != *it)) {
            let scope = scope_of(place);
            let text = words::ended(&place.name, &scope, &on);
            self.turn(Edge::Ended(place.clone()), &scope, &text).await?;
        }
        Ok(())
    }

    async fn turn(&self, edge: Edge, scope: &Scope, text: &str) -> Result<(), AppError> {
        let verb = match edge {
            Edge::Begun(_) => "freeze",
            Edge::Ended(_) | Edge::RanOut(_) => "thaw",
        };
        let line = self.freeze_line(&Actor::hoist(), scope, verb, text);
        match self.store.turn(edge, line).await? {
            Turned::Now => tracing::info!("{text}"),
            Turned::Before => (),
        }
        Ok(())
    }
}

/// The id of one that somebody asked for.
fn asked_for(freeze: &Freeze) -> Option<&FreezeId> {
    match &freeze.origin {
        Origin::Command { id, .. } => Some(id),
        Origin::File { .. } => None,
    }
}

/// One of the pipelines file, in each of its environments: who is interested in one of them is
/// told of that one.
fn in_each_place(freeze: &Freeze) -> Vec<(Calendared, &Freeze)> {
    let Origin::File { name, .. } = &freeze.origin else { return Vec::new() };
    let places = match &freeze.scope {
        Scope::Everywhere => vec![None],
        Scope::Only(names) => names.iter().cloned().map(Some).collect(),
    };
    let place = |environment| (Calendared { name: name.clone(), environment }, freeze);
    places.into_iter().map(place).collect()
}

fn scope_of(place: &Calendared) -> Scope {
    place.environment.clone().map_or(Scope::Everywhere, |name| Scope::Only(vec![name]))
}
