//! Refusals with a sentence for people beside the code, as the admin APIs have them.

use std::{sync::PoisonError, time::Instant};

use kafka_protocol::{ResponseError, protocol::StrBytes};

use crate::{catalog::NotCreated, node::Node, settings::SettingError};

/// Why something that an admin client asked for is not done.
#[derive(Debug)]
pub(super) struct Refused {
    error: ResponseError,
    message: String,
}

impl Refused {
    pub(super) fn new(error: ResponseError, message: impl Into<String>) -> Self {
        Self { error, message: message.into() }
    }

    pub(super) fn code(&self) -> i16 {
        self.error.code()
    }

    /// Says it in the log as well, as many clients show their users the code alone; returns code and sentence.
    ///
    /// That a topic exists already is not said: clients that need one create it to find out.
    pub(super) fn tell(self, node: &Node, what: &'static str, name: &str) -> (i16, StrBytes) {
        let code = self.code();
        if self.error != ResponseError::TopicAlreadyExists {
            let said = {
                let mut refusals = node.refusals.lock().unwrap_or_else(PoisonError::into_inner);
                refusals.count(Instant::now())
            };
            if let Some(refusals) = said {
                tracing::warn!(name, reason = self.message, refusals, "{what} is refused");
            }
        }
        (code, self.message())
    }

    pub(super) fn message(self) -> StrBytes {
        StrBytes::from_string(self.message)
    }
}

impl From<ResponseError> for Refused {
    fn from(error: ResponseError) -> Self {
        Self::new(error, error.to_string())
    }
}

impl From<NotCreated> for Refused {
    fn from(error: NotCreated) -> Self {
        Self::new(error.error(), error.to_string())
    }
}

impl From<SettingError> for Refused {
    fn from(error: SettingError) -> Self {
        Self::new(ResponseError::InvalidConfig, error.to_string())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::{super::tests::Scene, *};

    /// What is logged.
    #[derive(Clone, Default)]
    pub(in crate::wire) struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        /// Takes what is logged on this thread, until what is returned is dropped.
        pub(in crate::wire) fn collect(&self) -> tracing::subscriber::DefaultGuard {
            let lines = self.clone();
            let log = tracing_subscriber::fmt().with_writer(move || lines.clone()).finish();
            tracing::subscriber::set_default(log)
        }

        pub(in crate::wire) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    // Goal: the log has the sentence that many clients do not show, and no client can flood it.
    #[tokio::test]
    async fn a_refusal_is_logged_with_its_sentence() {
        let scene = Scene::new();
        let lines = Lines::default();
        let _log = lines.collect();
        Refused::from(ResponseError::TopicAlreadyExists).tell(&scene.node, "a new topic", "t");
        for _ in 0..100 {
            let sentence = Refused::new(ResponseError::InvalidConfig, "no `segment.ms` here");
            sentence.tell(&scene.node, "a new topic", "orders");
        }
        let text = lines.text();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].contains("a new topic is refused"), "{text}");
        assert!(lines[0].contains("orders") && lines[0].contains("no `segment.ms` here"), "{text}");
        // Ten a second, and a slow machine takes a few.
        assert!((10..100).contains(&lines.len()), "{text}");
    }
}
