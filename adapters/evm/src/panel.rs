//! Several nodes asked at once: what a quorum of them says is believed, nothing else.
//!
//! Never fail-over: a node that is away is not replaced by trusting another one more.

use std::{fmt::Debug, sync::Arc, time::Duration};

use causeway_adapter_api::ChainError;
use futures::stream::{FuturesUnordered, StreamExt};

use crate::rpc::{Node, malformed};

/// The nodes of one chain.
pub(crate) struct Panel {
    chain: String,
    nodes: Vec<Arc<Node>>,
    quorum: usize,
}

impl Panel {
    /// `quorum` is more than half of `nodes` and at most all of them, see [`EvmConfig::check`](crate::EvmConfig::check).
    pub(crate) const fn new(chain: String, nodes: Vec<Arc<Node>>, quorum: usize) -> Self {
        Self {
            chain,
            nodes,
            quorum,
        }
    }

    pub(crate) fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// Returns what a quorum says, as soon as a quorum has said it.
    ///
    /// # Errors
    /// [`ChainError::NodeMalformed`] naming the dissenters when the nodes differ; when too few answer, the first error.
    pub(crate) async fn agree<T, F, Fut>(
        &self,
        about: &'static str,
        ask: F,
    ) -> Result<T, ChainError>
    where
        T: PartialEq + Debug,
        F: Fn(Arc<Node>) -> Fut,
        Fut: Future<Output = Result<T, ChainError>>,
    {
        let mut asked = self.ask_all(ask);
        let mut opinions: Vec<(T, Vec<String>)> = Vec::new();
        let mut failed = None;
        while let Some((label, answer)) = asked.next().await {
            let said = match answer {
                Ok(said) => said,
                Err(error) => {
                    failed.get_or_insert(error);
                    continue;
                }
            };
            let index = match opinions.iter().position(|(other, _)| *other == said) {
                Some(index) => index,
                None => {
                    opinions.push((said, Vec::new()));
                    opinions.len() - 1
                }
            };
            opinions[index].1.push(label);
            if opinions[index].1.len() >= self.quorum {
                self.warn_of_dissent(about, &opinions, index);
                return Ok(opinions.swap_remove(index).0);
            }
        }
        Err(self.no_quorum(about, opinions, failed))
    }

    /// Returns answers that need not be equal, at least a quorum of them; late nodes are waited for a moment.
    ///
    /// # Errors
    /// The first error when fewer than a quorum answer.
    pub(crate) async fn gather<T, F, Fut>(&self, ask: F) -> Result<Vec<T>, ChainError>
    where
        F: Fn(Arc<Node>) -> Fut,
        Fut: Future<Output = Result<T, ChainError>>,
    {
        let mut asked = self.ask_all(ask);
        let mut answers = Vec::new();
        let mut failed = None;
        loop {
            let next = if answers.len() < self.quorum {
                asked.next().await
            } else {
                // Without this wait, a liar that answers first could hold a quorum answer back for ever.
                tokio::time::timeout(GRACE, asked.next())
                    .await
                    .unwrap_or(None)
            };
            match next {
                Some((_, Ok(answer))) => answers.push(answer),
                Some((_, Err(error))) => {
                    failed.get_or_insert(error);
                }
                None if answers.len() >= self.quorum => return Ok(answers),
                None => return Err(failed.unwrap_or_else(|| self.nobody())),
            }
        }
    }

    /// The highest value that a quorum of `answers` reaches: one node alone can neither raise nor, as long as enough
    /// honest ones answer, lower it.
    pub(crate) fn reached<T: Ord + Copy>(&self, mut answers: Vec<T>) -> Option<T> {
        answers.sort_by(|a, b| b.cmp(a));
        answers.get(self.quorum - 1).copied()
    }

    fn ask_all<T, F, Fut>(
        &self,
        ask: F,
    ) -> FuturesUnordered<impl Future<Output = (String, Result<T, ChainError>)>>
    where
        F: Fn(Arc<Node>) -> Fut,
        Fut: Future<Output = Result<T, ChainError>>,
    {
        let asked = self.nodes.iter().map(|node| {
            let (label, answer) = (node.label.clone(), ask(Arc::clone(node)));
            async move { (label, answer.await) }
        });
        asked.collect()
    }

    fn warn_of_dissent<T: Debug>(
        &self,
        about: &'static str,
        opinions: &[(T, Vec<String>)],
        agreed: usize,
    ) {
        for (index, (said, by)) in opinions.iter().enumerate() {
            if index != agreed {
                tracing::warn!(chain = %self.chain, about, ?by, ?said, "a node dissents from the quorum");
            }
        }
    }

    fn no_quorum<T: Debug>(
        &self,
        about: &'static str,
        mut opinions: Vec<(T, Vec<String>)>,
        failed: Option<ChainError>,
    ) -> ChainError {
        opinions.sort_by_key(|(_, by)| std::cmp::Reverse(by.len()));
        match opinions.get(1..) {
            Some(others) if !others.is_empty() => {
                let said = opinions
                    .iter()
                    .map(|(said, by)| format!("{} says {said:?}", by.join(" and ")));
                malformed(
                    self.chain.clone(),
                    about,
                    said.collect::<Vec<_>>().join("; "),
                )
            }
            _ => failed.unwrap_or_else(|| self.nobody()),
        }
    }

    fn nobody(&self) -> ChainError {
        malformed(self.chain.clone(), "an answer of a quorum", "none")
    }
}

const GRACE: Duration = Duration::from_millis(250);
