//! The process ends and starts again, elsewhere, in trouble or with other files.

use std::sync::Arc;

use hoist::app::ports::Forge;

use super::super::mortal::Life;
use super::super::troubled::{Gate, Troubled};
use super::Bot;

impl Bot {
    /// The process ends between two steps, and starts again on the same disk.
    pub async fn restart(&mut self) {
        self.app = None;
        self.app = Some(Arc::new(self.wake(None).await));
    }

    /// The process file is changed, and the process starts anew with it.
    pub async fn change_the_process_file(&mut self, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.config()).unwrap();
        std::fs::write(self.config(), change(text)).unwrap();
        self.restart().await;
    }

    /// The process ends.
    pub fn stop(&mut self) {
        self.app = None;
    }

    /// The pipelines file gets more, and the process starts anew with it.
    pub async fn add_to_the_pipelines(&mut self, more: &str) {
        let path = self.home.path().join("pipelines.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, text + more).unwrap();
        self.restart().await;
    }

    /// Something in the pipelines file is another, and the process starts anew with it.
    pub async fn change_the_pipelines(&mut self, from: &str, to: &str) {
        let path = self.home.path().join("pipelines.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
        self.restart().await;
    }

    /// The process ends, and the disk with the store and the mirror is lost.
    pub fn stop_and_lose_the_store(&mut self) {
        self.app = None;
        std::fs::remove_dir_all(self.home.path().join("var")).unwrap();
    }

    /// The disk with the store and the mirror is lost, and the process starts on a new one.
    pub async fn lose_the_store(&mut self) {
        self.stop_and_lose_the_store();
        self.app = Some(Arc::new(self.wake(None).await));
    }

    /// The process starts again; half of the forge's answers and of the fetches are lost to it,
    /// and it ends at a point that `life` knows.
    pub async fn restart_in_trouble(&mut self, life: &Arc<Life>) {
        self.app = None;
        let mut app = self.wake(Some(life)).await;
        for repository in app.repositories.values_mut() {
            repository.forge = Arc::new(Troubled::new(Arc::clone(&repository.forge)));
            repository.git = Arc::new(Troubled::new(Arc::clone(&repository.git)));
        }
        self.app = Some(Arc::new(app));
    }

    /// The process starts again, reaches its repository through the file system, and a forge at
    /// another pace: what keeps to the pace of a real one would take a test an hour.
    pub async fn restart_in_a_hurry(&mut self, forge: Arc<dyn Forge>) {
        self.app = None;
        let mut app = self.wake(None).await;
        for repository in app.repositories.values_mut() {
            repository.git = Arc::new(self.remote.mirror());
            repository.forge = Arc::clone(&forge);
        }
        self.app = Some(Arc::new(app));
    }

    /// The process starts again with `--read-only`.
    pub async fn restart_read_only(&mut self) {
        self.app = None;
        let mut app = self.wake(None).await;
        app.mode = hoist::app::Mode::ReadOnly;
        self.app = Some(Arc::new(app));
    }

    /// The process starts again with a forge whose merges wait at the gate.
    pub async fn restart_with_slow_merges(&mut self) -> Arc<Gate> {
        self.app = None;
        let mut app = self.wake(None).await;
        let gate = Arc::new(Gate::default());
        for repository in app.repositories.values_mut() {
            repository.forge = Arc::new(Troubled::slow(Arc::clone(&repository.forge), &gate));
        }
        self.app = Some(Arc::new(app));
        gate
    }

    /// The process starts again with a forge whose turns to merge are waited for at the gate.
    pub async fn restart_with_late_turns(&mut self) -> Arc<Gate> {
        self.app = None;
        let mut app = self.wake(None).await;
        let gate = Arc::new(Gate::default());
        for repository in app.repositories.values_mut() {
            repository.forge = Arc::new(Troubled::busy(Arc::clone(&repository.forge), &gate));
        }
        self.app = Some(Arc::new(app));
        gate
    }

    /// The process starts again, and will end at a point that `life` knows.
    pub async fn restart_mortal(&mut self, life: &Arc<Life>) {
        self.app = None;
        self.app = Some(Arc::new(self.wake(Some(life)).await));
    }
}
