//! The page as a person meets it: in headless Chromium, on a hoist that really serves.
//!
//! Pictures of every page are left in `target/screenshots`, to be looked at.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hoist::serve;
use serde_json::json;
use tokio::net::TcpListener;

use super::webdriver::WebDriver;
use crate::support::served::Served;

/// Looks for text that is too pale for its ground, by WCAG's formula and its level AA.
const PALE_TEXT: &str = r#"
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const rgba = (css) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = css; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const light = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
const ground = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const color = rgba(getComputedStyle(at).backgroundColor);
    if (color[3] === 255) return color;
  }
  return rgba('Canvas');
};
const pale = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.matches(':disabled, :disabled *')) continue;
  const [one, two] = [luminance(rgba(getComputedStyle(element).color)), luminance(ground(element))];
  const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  if (ratio < 4.5) pale.push(`${ratio.toFixed(2)}: ${walker.currentNode.data.trim().slice(0, 40)}`);
}
return pale;
"#;

/// Looks for fields that no label names, for buttons that say nothing, for ids that stand twice.
const UNNAMED: &str = r#"
const wrong = [];
for (const field of document.querySelectorAll('input:not([type=hidden], [hidden]), textarea, select'))
  if (!field.labels.length) wrong.push(field.outerHTML);
for (const button of document.querySelectorAll('button, a'))
  if (!button.textContent.trim()) wrong.push(button.outerHTML);
const ids = [...document.querySelectorAll('[id]')].map((it) => it.id);
wrong.push(...ids.filter((id, at) => ids.indexOf(id) !== at));
for (const tag of ['main', 'h1', 'title'])
  if (document.querySelectorAll(tag).length !== 1) wrong.push(`not one ${tag}`);
return wrong;
"#;

/// A way to look at a page.
struct Look {
    name: &'static str,
    scheme: &'static str,
    width: u32,
    height: u32,
}

const LOOKS: [Look; 4] = [
    Look { name: "light", scheme: "light", width: 1280, height: 800 },
    Look { name: "dark", scheme: "dark", width: 1280, height: 800 },
    Look { name: "phone", scheme: "light", width: 390, height: 844 },
    Look { name: "phone-dark", scheme: "dark", width: 390, height: 844 },
];

/// Takes pictures of a page, and finds what is wrong with it in any of the looks.
async fn look_at(browser: &WebDriver, page: &str) {
    assert_eq!(browser.run("return document.scripts.length").await, 0, "{page} has a script");
    assert_eq!(browser.run(UNNAMED).await, json!([]), "{page}");
    for Look { name, scheme, width, height } in LOOKS {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        browser.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.devtools("Emulation.setEmulatedMedia", scheme).await;
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        browser.picture(&folder.join(format!("{page}-{name}.png"))).await;
        assert_eq!(browser.run(PALE_TEXT).await, json!([]), "{page}, {name}");
        let wide = "return document.documentElement.scrollWidth - innerWidth";
        assert!(browser.run(wide).await.as_i64() <= Some(0), "{page}, {name}: wider than it is");
    }
    browser.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new(), "{page}");
}

/// Waits until the page that a click leads to is there and says `text`; not by loading it again,
/// since some words are said once.
async fn arrive_at(browser: &WebDriver, text: &str) -> String {
    for _a_tenth_second in 0..300 {
        let page = browser.text().await;
        if page.contains(text) {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{text:?} did not come; the page says: {}", browser.text().await);
}

/// Reloads until the page says `text`: what follows by itself takes a moment.
async fn wait_for(browser: &WebDriver, text: &str) {
    for _a_quarter_second in 0..120 {
        if browser.text().await.contains(text) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
        // Unlike `location.reload()`, this waits until the page is there.
        browser.open(&browser.address().await).await;
    }
    panic!("{text:?} did not come; the page says: {}", browser.text().await);
}

#[tokio::test]
async fn a_person_signs_in_reviews_and_merges_a_proposal() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let home = format!("http://{}", listener.local_addr().unwrap());
    let hoist = Served::start_live(&home).await;
    let link = serve::sign_in_link(&hoist.app).await.unwrap();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(serve::serve(listener, Arc::clone(&hoist.app), async move {
        drop(ended.await);
    }));
    let browser = WebDriver::start().await;

    // A page is asked for, and the sign-in comes first.
    browser.open(&home).await;
    assert!(browser.address().await.ends_with("/sign-in?next=%2F"));
    look_at(&browser, "sign-in").await;
    browser.open(&link).await;
    look_at(&browser, "one-time-link").await;
    browser.find("main button").await.click().await;
    wait_for(&browser, "shop").await;
    look_at(&browser, "overview-at-first").await;

    // A version is built, and hoist brings it to staging by itself.
    hoist.announce("shop", "v1.1.0").await;
    wait_for(&browser, "0 of 1").await;
    look_at(&browser, "overview").await;
    browser.find("td[data-label=prod] .next a").await.click().await;
    arrive_at(&browser, "+  tag: v1.1.0 # moved by hoist").await;
    look_at(&browser, "promotion").await;

    // It is approved, then merged, and Git has it.
    browser.find("#comment").await.write("The graphs in staging are flat. Ship it.").await;
    browser.find("button[value=approve]").await.click().await;
    let page = arrive_at(&browser, "operator approved proposal #").await;
    assert!(page.contains("The graphs in staging are flat."), "{page}");
    look_at(&browser, "promotion-approved").await;
    browser.find("button[value=merge]").await.click().await;
    arrive_at(&browser, "operator merged proposal #").await;
    wait_for(&browser, "It is in, by commit").await;
    look_at(&browser, "promotion-merged").await;
    let file = "main:environments/prod/apps/shop/values.yaml";
    assert!(hoist.git(&["show", file]).contains("tag: v1.1.0 # moved by hoist"));

    // It was a bad one: it is rolled back on the application's page.
    browser.find(".crumbs a:last-of-type").await.click().await;
    arrive_at(&browser, "Roll back").await;
    look_at(&browser, "application").await;
    browser.run("document.querySelectorAll('details').forEach((it) => { it.open = true })").await;
    look_at(&browser, "application-forms").await;
    browser.find("#back-why-prod").await.write("it loses carts").await;
    browser.find("form[action$='/roll-back'] #back-why-prod").await.write("\u{e007}").await;
    wait_for(&browser, "Rollback of").await;
    look_at(&browser, "rollback").await;
    browser.open(&home).await;
    look_at(&browser, "overview-held").await;

    // Whoever signs out is out.
    browser.find(".account button").await.click().await;
    browser.open(&home).await;
    assert!(browser.address().await.contains("/sign-in"));
    drop(browser);
    end.send(()).unwrap();
    serving.await.unwrap().unwrap();
}
