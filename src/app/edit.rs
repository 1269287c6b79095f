//! Changes the values that a person names, in a text that they hand over.

use crate::yaml_edit::{self, Edit, Edited, InvalidPath, Refusal, Rule, Which};

/// Why a text was not edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditRefused {
    /// What was asked is no path.
    #[error(transparent)]
    Path(#[from] InvalidPath),
    /// The text cannot be edited that way; the refusal says where, why and what to do.
    #[error(transparent)]
    Text(#[from] Refusal),
}

/// Gives each path its value, in one document of the text or in the one that has it.
///
/// All of it is done or nothing, and what is handed out is proved to hold no other change.
pub fn edit_text(
    text: &[u8],
    pairs: &[(String, String)],
    document: Option<usize>,
) -> Result<Edited, EditRefused> {
    let which = document.map_or(Which::Matching, Which::Index);
    let mut edits = Vec::with_capacity(pairs.len());
    for (path, value) in pairs {
        let fields = yaml_edit::find(text, &Rule::path(path)?, &which)?;
        edits.extend(fields.into_iter().map(|field| Edit {
            place: field.place,
            expect: field.value,
            value: value.clone(),
        }));
    }
    Ok(yaml_edit::edit(text, &edits)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(path: &str, value: &str) -> (String, String) {
        (path.to_owned(), value.to_owned())
    }

    #[test]
    fn several_values_are_changed_at_once() {
        let text = b"image:\r\n  tag: v1 # ours\r\n  digest: \"a\"\r\n";
        let pairs = [pair("image.digest", "b"), pair("/image/tag", "v2")];
        let edited = edit_text(text, &pairs, None).unwrap();
        assert_eq!(edited.text, b"image:\r\n  tag: v2 # ours\r\n  digest: \"b\"\r\n");
        assert_eq!(edited.changes.len(), 2);
    }

    #[test]
    fn a_document_is_chosen_by_its_number() {
        let text = b"a: 1\n---\na: 2\n";
        let edited = edit_text(text, &[pair("a", "3")], Some(1)).unwrap();
        // A number written plainly is no text to every reader: it is quoted from now on.
        assert_eq!(edited.text, b"a: 1\n---\na: \"3\"\n");
        assert!(matches!(edit_text(text, &[pair("a", "3")], None), Err(EditRefused::Text(_))));
        assert!(matches!(edit_text(text, &[pair("a", "3")], Some(2)), Err(EditRefused::Text(_))));
    }

    #[test]
    fn what_is_no_path_is_told_apart_from_what_is_not_there() {
        let refused = |path| edit_text(b"a: 1\n", &[pair(path, "2")], None).unwrap_err();
        assert!(matches!(refused("a..b"), EditRefused::Path(_)));
        assert!(matches!(refused("b"), EditRefused::Text(_)));
    }

    #[test]
    fn two_values_for_one_place_are_refused() {
        let pairs = [pair("a", "2"), pair("/a", "3")];
        assert!(matches!(edit_text(b"a: 1\n", &pairs, None), Err(EditRefused::Text(_))));
    }
}
