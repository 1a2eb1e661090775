//! What actions were offered for, kept so that they can be run although the document moved on. It keeps a few states a document, no more.

use crate::diagnose::Analysis;
use dashmap::DashMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// States of a document that are remembered: an editor asks anew with every move of the cursor, and shows the last few answers at most.
const REMEMBERED: usize = 4;

/// The analyses that were offered from, by document, oldest first.
#[derive(Default)]
pub(crate) struct Offered(DashMap<String, VecDeque<Arc<Analysis>>>);

impl Offered {
    /// Keeps an analysis; the oldest makes room.
    pub fn remember(&self, analysis: &Arc<Analysis>) {
        if analysis.revision == 0 {
            return;
        }
        let mut kept = self.0.entry(analysis.diagnosis.uri.clone()).or_default();
        // One state under new settings takes the place of the same under old ones.
        kept.retain(|other| other.revision != analysis.revision);
        if kept.len() == REMEMBERED {
            kept.pop_front();
        }
        kept.push_back(analysis.clone());
    }

    /// The analysis of that state of a document.
    pub fn recall(&self, uri: &str, revision: u64) -> Option<Arc<Analysis>> {
        self.0.get(uri)?.iter().find(|analysis| analysis.revision == revision).cloned()
    }

    /// Drops what is known of a document.
    pub fn forget(&self, uri: &str) {
        self.0.remove(uri);
    }
}
