//! Changes one scalar of a YAML or JSON file, byte for byte, and proves that nothing else changed.
//!
//! A version field is found by a [`Rule`], changed by an [`Edit`] that says which value it expects, and
//! the result is handed out only when it is [proved](prove). Nothing is ever serialised again: comments,
//! quotes, line ends, columns and everything else that people wrote stay as they are. What cannot be
//! edited exactly is refused, with its line, its column and what to do ([`Refusal`]).
//!
//! ```
//! use hoist::yaml_edit::{Edit, Rule, Which, edit, find};
//!
//! let text = b"image:\n  repository: ghcr.io/acme/shop   # ours\n  tag: v1.0.0   # set by hoist\n";
//! let fields = find(text, &Rule::path("image.tag").unwrap(), &Which::Matching)?;
//! let edits: Vec<Edit> = fields
//!     .iter()
//!     .map(|field| Edit {
//!         place: field.place.clone(),
//!         expect: field.value.clone(),
//!         value: "v1.1.0".to_owned(),
//!     })
//!     .collect();
//! let edited = edit(text, &edits)?;
//! assert_eq!(
//!     edited.text,
//!     b"image:\n  repository: ghcr.io/acme/shop   # ours\n  tag: v1.1.0   # set by hoist\n"
//! );
//! # Ok::<(), hoist::yaml_edit::Refusal>(())
//! ```
//!
//! # Limits
//!
//! Block scalars, empty values, aliases, merge keys and values that aliases repeat are refused; so are
//! templates, keys that stand twice on the way, collections nested more than 120 deep, and files that hold
//! control characters or that one of the two parsers does not read.

mod edit;
mod find;
mod path;
mod place;
mod proof;
mod reading;
mod reference;
mod refusal;
mod rule;
mod scalar;
mod scan;

pub use edit::{Change, Edit, Edited, edit};
pub use find::find;
pub use path::{InvalidPath, Path};
pub use place::Place;
pub use proof::{Difference, NotProved, only_changed, prove};
pub use refusal::Refusal;
pub use rule::{Field, Part, Rule, Which, written};
