//! What a proposal tells the people who are to decide.

use hoist::domain::artifact::SourceCode;

use crate::support::world::{Bot, plain};

fn built_from(commit: &str) -> SourceCode {
    SourceCode {
        repository: Some("https://github.com/acme/shop.git".to_owned()),
        commit: Some(commit.repeat(40)),
        reference: None,
    }
}

/// A version comes as far as it does without people.
async fn comes(bot: &Bot, version: &str, commit: &str) {
    assert_eq!(bot.announce_built_from(version, built_from(commit)).await, 202);
    bot.work().await;
    bot.minutes_pass(30);
    bot.work().await;
}

#[tokio::test]
async fn a_proposal_tells_what_comes_who_asked_and_what_was_seen_of_it_before() {
    let bot = Bot::new().await;
    comes(&bot, "v1.4.2", "a").await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    comes(&bot, "v1.5.0", "b").await;
    let proposal = bot.proposal(4).await;
    assert_eq!(proposal.title, "prod: promote shop to v1.5.0");
    insta::assert_snapshot!(plain(&proposal.body), @"
    **shop** in **prod**: `v1.4.2` → `v1.5.0`

    - `environments/prod/apps/shop/kustomization.yaml` `/images/0/newTag`: `v1.4.2` → `v1.5.0`

    | artifact | |
    |---|---|
    | image | `ghcr.io/acme/shop` |
    | digest | `sha256:DIGEST` |
    | tag | `v1.5.0` |
    | source commit | `COMMIT` |

    What comes: https://github.com/acme/shop/compare/COMMIT...COMMIT

    In staging it is soaking, since 2026-11-22 21:30 UTC.

    Asked for by `alice`

    Gates:
    - soak: open (v1.5.0 runs in staging since 2026-11-22 21:30 UTC)
    - freeze: open (not frozen)
    - hold: open (not held)
    - approvals: 1 more must approve the proposal (0 of 1 approvals, the requester's not counted)

    Only the version field changes; the status `hoist/only-version` proves it at every push.
    To bring it down again: `hoist rollback shop prod`.
    The whole story: https://hoist.example.com/promotions/ID
    ");
}

#[tokio::test]
async fn a_policy_writes_its_proposals_in_its_own_words() {
    let bot = Bot::with(&[(
        "staging",
        r#"review: {title: "{{ application }} {{ version }} for {{ environment }}",
           body: "{{ asked_by }} wants {{ version }} because of {{ reason or 'nothing' }}"}"#,
    )])
    .await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    let proposal = bot.proposal(1).await;
    assert_eq!(proposal.title, "shop v1.4.2 for staging");
    assert_eq!(proposal.body, "`alice` wants `v1.4.2` because of `nothing`");
}
