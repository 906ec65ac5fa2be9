//! Checks a file link after link.

use std::{collections::BTreeMap, fmt};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

use crate::{
    Broken,
    chain::{self, Epochs},
    fact,
    file::{Body, Chain, Item},
};

/// What a reader knows of a chain beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Hash of its genesis block.
    pub genesis: B256,
    /// Blocks of one epoch.
    pub epoch_length: u64,
    /// Its `ValidatorSet`.
    pub validator_set: Address,
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            genesis,
            epoch_length,
            validator_set,
        } = self;
        write!(
            f,
            "genesis {genesis}, epochs of {epoch_length} blocks, validators by {validator_set}"
        )
    }
}

/// Chains a reader knows, by id.
pub type Chains = BTreeMap<u64, Known>;

/// What checking a file found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What the file was made for, in its maker's words.
    pub about: Option<String>,
    /// Every link, in the order of the checks.
    pub links: Vec<Link>,
    /// What is proved, in the order of the file; items whose links are broken are left out.
    pub proven: Vec<Finding>,
}

/// One link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it connects, in words.
    pub name: String,
    /// Whether it holds.
    pub verdict: Verdict,
}

/// Whether a link holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Holds,
    /// Nothing in the file can prove it: compare it with what you know.
    Assumed(Known),
    /// It does not.
    Broken(Broken),
    /// It hangs on one that is broken.
    NotReached,
}

/// Something a final block of a chain shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which chain.
    pub chain: u64,
    /// In which block.
    pub height: u64,
    /// Hash of that block.
    pub block: B256,
    /// Its time, seconds.
    pub time: u64,
    /// What it shows.
    pub proven: Proven,
}

/// What a final block shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proven {
    /// A contract's event.
    Event {
        /// Of which contract.
        address: Address,
        /// Signature of the event and its indexed arguments.
        topics: Vec<B256>,
        /// The other arguments.
        data: Bytes,
        /// Index of the transaction in the block.
        transaction: u64,
    },
    /// A transaction.
    Transaction {
        /// Its hash.
        hash: B256,
        /// Who signed it.
        from: Address,
        /// Its index in the block.
        transaction: u64,
    },
    /// What a contract had stored after the block.
    Slot {
        /// Which contract.
        address: Address,
        /// Which slot.
        key: B256,
        /// The value.
        value: U256,
    },
}

impl Report {
    /// Whether every link holds, or is assumed where nothing was known.
    pub fn is_sound(&self) -> bool {
        self.first_broken().is_none()
    }

    /// The first link that does not hold.
    pub fn first_broken(&self) -> Option<&Link> {
        self.links
            .iter()
            .find(|link| matches!(link.verdict, Verdict::Broken(_)))
    }
}

/// Checks a file, without network, clock or anything but its bytes and what the reader knows of chains.
pub fn verify(file: &[u8], known: &Chains) -> Report {
    let mut walk = Walk::default();
    let Some(body) = walk.link("the file is whole and in its canonical form", || {
        Body::decode(file)
    }) else {
        return walk.report(None);
    };
    let mut chains = BTreeMap::new();
    for (chain, before) in body
        .chains
        .iter()
        .zip(std::iter::once(None).chain(body.chains.iter().map(Some)))
    {
        if let Some(epochs) = walk.chain(chain, before, known) {
            chains.insert(chain.id, epochs);
        }
    }
    for (index, item) in body.items.iter().enumerate() {
        walk.item(index, item, &body, &chains);
    }
    walk.report(Some(body.about.clone()))
}

#[derive(Default)]
struct Walk {
    links: Vec<Link>,
    proven: Vec<Finding>,
}

impl Walk {
    /// From genesis to the newest set.
    fn chain<'a>(
        &mut self,
        chain: &'a Chain,
        before: Option<&Chain>,
        known: &Chains,
    ) -> Option<Epochs<'a>> {
        let id = chain.id;
        let ordered = || match before {
            Some(before) if before.id >= id => Err(Broken::ChainsOrder(id)),
            _ => chain::header(&chain.genesis, 0),
        };
        let genesis = self.link(&format!("chain {id}: a genesis block"), ordered)?;
        self.anchor(chain, known)?;
        let name = format!(
            "chain {id}: the genesis state names the {} founding validators",
            chain.founding.votes.len()
        );
        let mut epochs = self.link(&name, || Epochs::founding(chain, &genesis))?;
        for handover in &chain.handovers {
            let epoch = epochs.newest();
            let name = format!(
                "chain {id}: a quorum of epoch {epoch} hands over to the next {}",
                handover.next.votes.len()
            );
            self.link(&name, || epochs.hand_over(handover))?;
        }
        Some(epochs)
    }

    /// The chain is the one the reader means.
    fn anchor(&mut self, chain: &Chain, known: &Chains) -> Option<()> {
        let (id, validator_set) = (chain.id, chain.validator_set);
        let (genesis, epoch_length) = (keccak256(&chain.genesis), chain.epoch_length);
        let got = Known {
            genesis,
            epoch_length,
            validator_set,
        };
        let verdict = match known.get(&id) {
            None => Verdict::Assumed(got),
            Some(known) if *known == got => Verdict::Holds,
            Some(known) => {
                let (got, known) = (got.to_string(), known.to_string());
                Verdict::Broken(Broken::ChainForeign {
                    chain: id,
                    got,
                    known,
                })
            }
        };
        let broken = matches!(verdict, Verdict::Broken(_));
        let name = format!("chain {id}: the one that is meant");
        self.links.push(Link { name, verdict });
        (!broken).then_some(())
    }

    fn item(&mut self, index: usize, item: &Item, body: &Body, chains: &BTreeMap<u64, Epochs<'_>>) {
        let chain = item.chain;
        let (block, shown) = (
            format!("item {index}: a quorum of chain {chain} finalised its block"),
            format!("item {index}: the block shows it"),
        );
        let Some(epochs) = chains.get(&chain) else {
            let there = body.chains.iter().any(|other| other.id == chain);
            let verdict = if there {
                Verdict::NotReached
            } else {
                Verdict::Broken(Broken::ChainMissing(chain))
            };
            self.links.push(Link {
                name: block,
                verdict,
            });
            self.links.push(Link {
                name: shown,
                verdict: Verdict::NotReached,
            });
            return;
        };
        let Some(header) = self.link(&block, || epochs.check(&item.finality)) else {
            self.links.push(Link {
                name: shown,
                verdict: Verdict::NotReached,
            });
            return;
        };
        if let Some(proven) = self.link(&shown, || fact::check(&item.fact, &header)) {
            let (height, time, hash) = (header.number, header.timestamp, header.hash_slow());
            self.proven.push(Finding {
                chain,
                height,
                block: hash,
                time,
                proven,
            });
        }
    }

    fn link<T>(&mut self, name: &str, check: impl FnOnce() -> Result<T, Broken>) -> Option<T> {
        let (verdict, found) = match check() {
            Ok(found) => (Verdict::Holds, Some(found)),
            Err(broken) => (Verdict::Broken(broken), None),
        };
        self.links.push(Link {
            name: name.into(),
            verdict,
        });
        found
    }

    fn report(self, about: Option<String>) -> Report {
        Report {
            about,
            links: self.links,
            proven: self.proven,
        }
    }
}
