//! The doors: the API, the page, and the page as a browser shows it.

mod api;
mod browser;
mod page;
mod webdriver;
