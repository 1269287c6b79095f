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
//! # What is proved, and by what
//!
//! 1. *Tokens*: each field is located in the text before and in the text after, from its place; what
//!    stands around the fields is the same bytes, and each token is the one this editor writes.
//! 2. *Events*: a first parser (yaml-rust2) reads the same documents, collections, keys, anchors, tags and
//!    values, but for the fields'.
//! 3. *An independent reading*: a second one (libyaml's port in serde_yaml) reads the same too, and each
//!    new value as a string.
//!
//! The first reads all of the text before. Where every field is inside an entry of a block mapping that has
//! lines of its own, the rest of the proof reads these entries alone, since all else is the same bytes: the
//! second reads the text before up to the last entry's end and must agree with the first on every node of
//! it; then both read what each entry was and what it is. An entry ends before a line that is indented no
//! deeper than its key, where every reader is done with it; that reading it alone gives what stood there in
//! the whole text is checked as well. In all other cases, such as JSON, aliases or tags on the way, both
//! read all of both texts.
//!
//! [`only_changed`], which judges what others did, always reads all of both texts with the first parser.
//!
//! # Limits
//!
//! Block scalars, empty values, aliases, merge keys and values that aliases repeat are refused; so are
//! templates, keys that stand twice on the way, collections nested more than 120 deep, and files that hold
//! control characters, that the first parser does not read, or that the second does not up to the end of
//! the last field.

mod edit;
mod find;
mod near;
mod path;
mod place;
mod proof;
mod reading;
mod reference;
mod refusal;
mod rule;
mod scalar;
mod scan;
mod witness;

pub use edit::{Change, Edit, Edited, edit};
pub use find::find;
pub use path::{InvalidPath, Path};
pub use place::Place;
pub use proof::{Difference, NotProved, only_changed, prove};
pub use refusal::Refusal;
pub use rule::{Field, Part, Rule, Which, written};
