//! What happens to an artifact, told from its build to the Git history.

mod accept;
mod crash;
mod deliveries;
mod freezes;
mod github;
mod gitlab;
mod gitlab_events;
mod github_events;
mod health;
mod killed;
mod main_path;
mod outages;
mod people;
mod policies;
mod pushes;
mod checks;
mod questions;
mod recover;
mod registry;
mod rollback;
mod rollback_rules;
mod schedules;
mod skips;
mod teams;
mod standing;
mod why;
