//! Sending what is told: within 1500 ms a 200 or a 204, or three more attempts at once, or never again.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::unbounded_channel;

use super::account::Account;
use super::outbox::Attempt;

/// The first, and three more without a pause.
const ATTEMPTS: usize = 4;
const USER_AGENT: &str = "MoySklad webhook touch agent 2.0 (/https://www.moysklad.ru)";

impl Account {
    pub(super) fn send(self: &Arc<Self>, webhook: &str, n: u64) {
        let mut outbox = self.outbox();
        let lane = outbox.lanes.entry(webhook.to_owned()).or_insert_with(|| {
            let (lane, mut numbers) = unbounded_channel();
            let account = Arc::downgrade(self);
            tokio::spawn(async move {
                while let Some(n) = numbers.recv().await {
                    // Nobody remembers the account: nobody waits for what it would tell.
                    let Some(account) = account.upgrade() else { return };
                    account.deliver(n).await;
                }
            });
            lane
        });
        // The lane is open for as long as the account is.
        let _ = lane.send(n);
    }

    pub(super) fn release_if_enough(self: &Arc<Self>) {
        let (reorder, hold) = {
            let inside = self.inside();
            (inside.settings.reorder, inside.settings.hold)
        };
        if reorder > 1 && !hold && self.outbox().n_held() >= reorder {
            self.release(true);
        }
    }

    /// Sends what was held, one after the other whatever their webhooks; how many they are.
    pub(super) fn release(self: &Arc<Self>, reversed: bool) -> usize {
        let released = self.outbox().release(reversed);
        let n_released = released.len();
        let account = Arc::clone(self);
        tokio::spawn(async move {
            for n in released {
                account.deliver(n).await;
            }
        });
        n_released
    }

    async fn deliver(&self, n: u64) {
        let Some(notification) = self.outbox().get(n) else { return };
        let separator = if notification.url.contains('?') { '&' } else { '?' };
        let url = format!("{}{separator}requestId={}", notification.url, notification.request_id);
        let patience = Duration::from_millis(self.inside().settings.patience_ms);
        let mut is_delivered = false;
        for _ in 0..notification.times {
            for _ in 0..ATTEMPTS {
                let began = Timestamp::now();
                let request = self.http.post(&url).header("user-agent", USER_AGENT).json(&notification.body);
                let status = request.timeout(patience).send().await.ok().map(|answer| answer.status().as_u16());
                let ms = u64::try_from(Timestamp::now().duration_since(began).as_millis()).unwrap_or(0);
                self.outbox().tried(n, Attempt { at: began, status, ms });
                if matches!(status, Some(200 | 204)) {
                    is_delivered = true;
                    break;
                }
            }
        }
        let lost = self.outbox().ended(n, &notification.webhook_id, is_delivered);
        let inside = &mut *self.inside();
        if inside.settings.disable_after > 0 && lost >= inside.settings.disable_after {
            inside.books.webhooks.disable(&notification.webhook_id);
        }
    }
}
