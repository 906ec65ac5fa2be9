//! Where pegs, settlements and gateways are: those the local profile makes, and those the configuration names.

use std::sync::Arc;

use alloy_primitives::Address;
use causeway_adapter_api::{Asset, Chain, ChainInfo, ChainReader as _, Height};
use causeway_adapter_hosted::tls::Barred;
use causeway_core::{
    margin::{self, ChainTiming},
    swap::Account,
};

use crate::{
    api::ChainContracts,
    config::{self, Config, POINTS_PEG, raw::Kind},
    contracts,
    crossing::{
        peg::{PegPort, PegSite, Pegs},
        settlement::{SettlementSite, Settlements},
    },
    daemon::{ASSUMED, Chains, contracts_of, driven, id_of},
    election::{ElectionSite, KeeperConfig},
    hosting::Hosting,
    keys::Signers,
    local::{DEPLOYER, MEMBERS, PRODUCER, WATCHTOWER},
    members::Members,
    relay::{Follower, RelayConfig, Site},
    supply::{SupplyConfig, Watched},
};

impl Chains {
    /// The pegs that are carried: that of the local profile by the watchtower's account, those of the configuration by their
    /// carriers. What any of our accounts locks is ours.
    pub(crate) fn pegs(&self, config: &Config, chains: &[Arc<dyn Chain>]) -> Pegs {
        let ours = chains.iter().flat_map(|chain| {
            let id = chain.info().id;
            let account = move |address| Account { chain: id, address };
            chain.accounts().into_iter().map(account)
        });
        let named = config.pegs.values();
        let named = named.filter_map(|peg| self.site_of(peg, peg.carrier.as_deref()?));
        Pegs::new(
            self.peg_site().into_iter().chain(named).collect(),
            ours.collect(),
        )
    }

    /// Both ends of the peg of the local profile.
    fn peg_site(&self) -> Option<PegSite> {
        let ([a, b], peg) = (self.pair()?, self.peg()?);
        let account = self.accounts.get(WATCHTOWER).copied()?;
        let end = |kind, pegged: Option<Address>| {
            let hosting = [a, b].into_iter().find(|hosting| hosting.kind == kind)?;
            let contracts = contracts_of(hosting)?;
            Some(PegPort {
                chain: id_of(hosting),
                port: peg.port,
                asset: Asset::Token(pegged.unwrap_or(contracts.points_token)),
                locks: contracts.hash_time_lock,
                client: peg.client,
                account,
                start: Height(0),
            })
        };
        Some(PegSite {
            home: end(Kind::Public, None)?,
            side: end(Kind::Consortium, Some(peg.pegged))?,
        })
    }

    /// Both ends of a peg of the configuration, which checked its chains and its accounts.
    fn site_of(&self, peg: &config::Peg, account: &str) -> Option<PegSite> {
        let account = *self.accounts.get(account)?;
        let end = |end: &config::PegEnd| {
            let info = self.info(&end.chain)?;
            Some(PegPort {
                chain: info.id,
                port: end.port,
                asset: end.asset,
                locks: info.hash_time_lock,
                client: end.light_client,
                account,
                start: Height(end.start_height),
            })
        };
        Some(PegSite {
            home: end(&peg.home)?,
            side: end(&peg.side)?,
        })
    }

    /// The pegs whose supply is stated: in the local profile that of points, whose guardian is the watchtower's account.
    pub(crate) fn supply_config(&self, config: &Config) -> SupplyConfig {
        let points = self.peg_site().map(|site| Watched {
            name: POINTS_PEG.into(),
            site,
            guardian: Some(site.home.account),
        });
        let named = config.pegs.iter().filter_map(|(name, peg)| {
            let guardian = peg.guardian.as_deref();
            // Who watches pays for nothing: any of our accounts will do where none is named.
            let anyone = guardian.or(peg.carrier.as_deref());
            let anyone = anyone.or_else(|| self.accounts.keys().next().map(String::as_str))?;
            Some(Watched {
                name: name.clone(),
                site: self.site_of(peg, anyone)?,
                guardian: guardian.and_then(|name| self.accounts.get(name)).copied(),
            })
        });
        SupplyConfig {
            pegs: points.into_iter().chain(named).collect(),
            ..SupplyConfig::default()
        }
    }

    /// Keys of the accounts that the driver may use, for what is signed beside transactions.
    pub(crate) fn signers(&self) -> Signers {
        Signers::new(driven(&self.keys, self.local.is_some()).into_values())
    }

    /// The settlements that are carried: that of the local profile by the watchtower's account, those of the configuration by
    /// their carriers. Our accounts are the parties we are.
    pub(crate) fn settlements(&self, config: &Config) -> Settlements {
        let transfers = &config.transfers.raw;
        let named = config.settlements.values();
        let sites: Vec<SettlementSite> = self
            .settlement_site()
            .into_iter()
            .chain(named.filter_map(|settlement| self.settlement_of(settlement)))
            .collect();
        let settle = |site: &SettlementSite| {
            let timing = margin::settle(self.assumed(site), transfers.clock_skew_seconds);
            // What cannot be timed is never in time.
            timing.unwrap_or(u64::MAX)
        };
        Settlements {
            settle: sites.iter().map(settle).max().unwrap_or(u64::MAX),
            sites,
            signers: self.signers(),
            patience: transfers.verdict_patience_seconds,
        }
    }

    /// What the chain of the business is assumed to need.
    fn assumed(&self, site: &SettlementSite) -> ChainTiming {
        let external = self.external.iter();
        let found = external.filter(|external| external.id() == site.consortium);
        found
            .map(|external| external.assumed)
            .next()
            .unwrap_or(ASSUMED)
    }

    fn settlement_site(&self) -> Option<SettlementSite> {
        let ([public, consortium], at) = (self.public_and_consortium()?, self.settling()?);
        Some(SettlementSite {
            public: id_of(public),
            escrow: at.escrow,
            public_start: Height(0),
            consortium: id_of(consortium),
            settlement: at.settlement,
            consortium_start: Height(0),
            client: at.client,
            account: self.accounts.get(WATCHTOWER).copied()?,
        })
    }

    /// A settlement of the configuration, which checked its chains and its account.
    fn settlement_of(&self, settlement: &config::Settlement) -> Option<SettlementSite> {
        Some(SettlementSite {
            public: self.info(&settlement.public)?.id,
            escrow: settlement.escrow,
            public_start: Height(settlement.public_start),
            consortium: self.info(&settlement.consortium)?.id,
            settlement: settlement.settlement,
            consortium_start: Height(settlement.consortium_start),
            client: settlement.light_client,
            account: *self.accounts.get(&settlement.carrier)?,
        })
    }

    /// `SettlementEscrow` or `Settlement` of a chain in the configuration: the first that names it.
    pub(crate) fn settlement_on(&self, config: &Config, chain: &str) -> Option<Address> {
        config
            .settlements
            .values()
            .find_map(|settlement| match chain {
                name if name == settlement.public => Some(settlement.escrow),
                name if name == settlement.consortium => Some(settlement.settlement),
                _ => None,
            })
    }

    /// What a hosted chain has beside locks and points.
    pub(crate) fn contracts_on(&self, config: &Config, hosting: &Hosting) -> ChainContracts {
        let settling = self.settling();
        let is_consortium = hosting.kind == Kind::Consortium;
        let own = self.messaging().map(|at| at.gateway);
        ChainContracts {
            gateway: own.or(hosting.gateway),
            // The same address on both.
            settlement: settling
                .map(|at| at.settlement)
                .or_else(|| self.settlement_on(config, &hosting.name)),
            delivery_agreement: settling.filter(|_| is_consortium).map(|at| at.agreement),
        }
    }

    /// Where members decide: on the consortium chain of the local profile, or where the configuration says.
    pub(crate) fn members(&self, config: &Config) -> Option<Members> {
        let named = config.members.as_ref().and_then(|(chain, registry)| {
            let id = self.info(chain)?.id;
            let hosting = self.hosting(chain);
            let external = self.external.iter().find(|external| external.id() == id);
            let gateway = hosting.and_then(|hosting| self.contracts_on(config, hosting).gateway);
            let gateway = gateway.or_else(|| external?.gateway);
            Some((id, *registry, gateway, config.sealed_content))
        });
        let local = self.public_and_consortium().and_then(|[_, consortium]| {
            // Where the validators cannot be shared out, nobody deployed a registry.
            contracts::dealt(&consortium.node.spec().validators, MEMBERS.len())?;
            let deployer = self.accounts.get(DEPLOYER)?;
            let registry = contracts::member_registry(*deployer, self.holders());
            let gateway = self.messaging().map(|at| at.gateway);
            let sealed = contracts::sealed_content(*deployer, self.holders());
            Some((id_of(consortium), registry, gateway, Some(sealed)))
        });
        let (chain, registry, gateway, sealed) = named.or(local)?;
        let of_config = config.pegs.iter().flat_map(|(name, peg)| {
            let ends = [&peg.home, &peg.side].into_iter();
            let here = ends.filter(|end| self.info(&end.chain).is_some_and(|i| i.id == chain));
            here.map(|end| (name.clone(), end.port))
        });
        let own = self.peg().map(|peg| (POINTS_PEG.to_owned(), peg.port));
        Some(Members {
            chain,
            registry,
            gateway,
            sealed,
            ports: own.into_iter().chain(of_config).collect(),
        })
    }

    /// Certificates that count no more, shared with the servers of the consortium chain where it is hosted here.
    pub(crate) fn barred(&self, config: &Config) -> Arc<Barred> {
        let members = self.members(config);
        let mut hosted = self.hosted.iter();
        let found = hosted.find(|h| members.as_ref().is_some_and(|m| m.chain == id_of(h)));
        found.map_or_else(Arc::default, |hosting| Arc::clone(&hosting.node.barred))
    }

    /// Where producers are elected: on the public chain of the local profile, or where the configuration says; and our
    /// account that keeps it.
    fn election_at(&self, config: &Config) -> Option<(ElectionSite, Option<Address>)> {
        if let Some(named) = &config.election {
            let site = ElectionSite {
                chain: self.info(&named.chain)?.id,
                contract: named.contract,
            };
            let keeper = named.keeper.as_ref();
            return Some((site, keeper.and_then(|n| self.accounts.get(n)).copied()));
        }
        let [public, _] = self.public_and_consortium()?;
        let deployer = self.accounts.get(DEPLOYER)?;
        let site = ElectionSite {
            chain: id_of(public),
            contract: contracts::election(*deployer, self.holders()),
        };
        Some((site, self.accounts.get(PRODUCER).copied()))
    }

    /// Where producers are elected.
    pub(crate) fn election(&self, config: &Config) -> Option<ElectionSite> {
        self.election_at(config).map(|(site, _)| site)
    }

    /// What the keeper of the election works on, where its chain is hosted here and somebody here pays.
    pub(crate) fn keeper(&self, config: &Config) -> Option<KeeperConfig> {
        let (site, account) = self.election_at(config)?;
        let mut hosted = self.hosted.iter();
        let hosting = hosted.find(|hosting| id_of(hosting) == site.chain)?;
        Some(KeeperConfig {
            site,
            node: hosting.node.clone(),
            account: account?,
        })
    }

    /// What the relay works on: in the local profile the gateways of the pair, paid for by the watchtower's account; and
    /// those that are named in the configuration, paid for by the first watchtower.
    pub fn relay_config(&self) -> RelayConfig {
        let own = self.messaging().zip(self.accounts.get(WATCHTOWER).copied());
        let payer = self.watchtowers.first().copied();
        let hosted = self.hosted.iter().filter_map(|hosting| {
            let named = hosting.gateway.zip(payer);
            let own = own.map(|(messaging, account)| (messaging.gateway, account));
            let (gateway, account) = own.or(named)?;
            Some(Site {
                chain: id_of(hosting),
                gateway,
                account,
                start: Height(0),
            })
        });
        let external = self.external.iter().filter_map(|external| {
            Some(Site {
                chain: external.id(),
                gateway: external.gateway?,
                account: payer?,
                start: external.start,
            })
        });
        RelayConfig {
            sites: hosted.chain(external).collect(),
            ..RelayConfig::default()
        }
    }

    /// Light clients of the pegs and settlements of the configuration: whoever carries over them brings them from epoch to
    /// epoch, whether a lane hangs on them or not.
    pub(crate) fn followers(&self, config: &Config) -> Vec<Follower> {
        let pegs = config.pegs.values();
        let pegs = pegs.filter_map(|peg| self.site_of(peg, peg.carrier.as_deref()?));
        let of_pegs = pegs.flat_map(|site| {
            let follower = |on: &PegPort, of: &PegPort| Follower {
                of: of.chain,
                on: on.chain,
                client: on.client,
                account: on.account,
            };
            [
                follower(&site.home, &site.side),
                follower(&site.side, &site.home),
            ]
        });
        let settlements = config.settlements.values();
        let of_settlements = settlements.filter_map(|settlement| {
            let site = self.settlement_of(settlement)?;
            Some(Follower {
                of: site.consortium,
                on: site.public,
                client: site.client,
                account: site.account,
            })
        });
        of_pegs.chain(of_settlements).collect()
    }

    /// What an adapter says of its chain, by name.
    fn info(&self, name: &str) -> Option<&ChainInfo> {
        let hosted = self.hosting(name).map(|hosting| hosting.chain.info());
        let external = self.external.iter().find(|external| external.name == name);
        hosted.or_else(|| external.map(|external| external.chain.info()))
    }
}
