//! Amazon ECR by way of EventBridge (docs.aws.amazon.com, "Amazon ECR events and EventBridge").

use serde::Deserialize;

use super::{Letter, Malformed, Manner, Origin, Reading, Told};

/// What stands in `source` of all of its events.
const SOURCE: &str = "aws.ecr";

/// The events that tell of pushes, among others.
const ACTION: &str = "ECR Image Action";

pub(super) const MANNER: Manner = Manner {
    origin: Origin::Authorization,
    is_theirs: |letter| letter.body.get("source").and_then(|it| it.as_str()) == Some(SOURCE),
    read,
};

#[derive(Deserialize)]
struct RawEvent {
    id: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: String,
    account: String,
    region: String,
    detail: RawDetail,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawDetail {
    action_type: Option<String>,
    result: Option<String>,
    repository_name: String,
    image_digest: Option<String>,
    image_tag: Option<String>,
}

fn read(letter: &Letter<'_>) -> Result<Reading, Malformed> {
    let RawEvent { id, detail_type, account, region, detail } = letter.parsed()?;
    let action = detail.action_type.unwrap_or_default();
    let result = detail.result.unwrap_or_default();
    if detail_type != ACTION || action != "PUSH" || result != "SUCCESS" {
        let why = format!("{detail_type:?} {action:?} {result:?} is no push that succeeded");
        return Ok(Reading::nothing(why));
    }
    // The regions of China are a cloud of their own.
    let end = if region.starts_with("cn-") { ".cn" } else { "" };
    let host = format!("{account}.dkr.ecr.{region}.amazonaws.com{end}");
    let mut reading = Reading::default();
    reading.add(Told {
        delivery: id,
        image: letter.image(&host, &detail.repository_name)?,
        tag: detail.image_tag.unwrap_or_default(),
        digest: detail.image_digest,
        ..Told::default()
    });
    Ok(reading)
}
