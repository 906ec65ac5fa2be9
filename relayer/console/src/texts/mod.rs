//! Every word of every page: one table per language.
//!
//! A text is a field, so that the compiler misses what a table misses. Words of the daemon (stages, roles, kinds) are looked up;
//! one that is not there is shown as it is.

mod en;
mod zh;

pub(crate) use en::EN;
pub(crate) use zh::ZH;

/// A table of words by what they are of: the daemon's word, and what a person reads.
pub(crate) type Words = &'static [(&'static str, &'static str, &'static str)];

macro_rules! texts {
    ($($key:ident)*) => {
        /// The texts of one language.
        #[derive(Debug)]
        pub(crate) struct Texts {
            $(pub(crate) $key: &'static str,)*
            pub(crate) words: Words,
        }

        impl Texts {
            /// All texts with their keys.
            #[cfg(test)]
            pub(crate) fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($key), self.$key)),*]
            }
        }
    };
}

texts! {
    overview transfers messages chains supply feeds devices proofs evidence alarms log members health skip pages
    menu live news lost show_news local times_are_utc untrusted api metrics to_overview crossing_now newest_steps
    calm nothing_to_do look nothing_crosses all_transfers and_more no_pegs statement holds does_not_hold held minted
    stated_at no_steps newest_final id validators_of none_missing missing silent stalled finalises hash rpc rpc_tls
    blocks validators accounts contracts number time transactions signs vote_address endpoint newest_certificates
    standing certificates_told no_accounts name address has no_contracts search find block chain parent state_root
    proposer epoch gas certificate is_final signed_by by_a_later_block no_transactions new_contract call from to
    outcome succeeded reverted transaction value export_evidence events no_events unknown_event arguments
    new_transfer no_transfers any kind_of role_of apply transfer way amount changed refund_asked both_clocks
    take_back take_back_told on left gives wants place next until costs otherwise timeline begun does proved_by
    said_by gets swap_only account counterparty begin start_told asset no_messages message sender recipient deadline
    message_id ordered yes no sent_in end_proved_by payload result both_said supply_told all_statements
    newest_statement finding heights missing_value home side carried_in carried_out owed_in owed_out surplus port
    height paused open proofs_told no_proofs development_key ceremony_key no_circuits circuits circuit key key_hash
    verifier verify_file verify_told file at_most verify trust_nobody trust_nobody_told export transfer_id
    transaction_hash not_proved proved_if proved first_broken about proves_nothing links what_is_proved report
    link_holds link_assumed link_broken link_not_reached members_told no_hosted epoch_length blocks_unit
    next_epoch_at quorum next_set changes same_set ok version runs_since runs_for looked_at what found doctor_told
    labels all_metrics more_there answer no_feeds feed delivered_to round rounds no_values why signers alarm stale
    no_answer fresh owner reading no_devices sequence refused nothing_refused device_well
    device_silent device_lying device_refused device_removed cleared raised no_alarms rule notice acknowledge
    entries root anchored not_yet gaps gap no_entries source subject newer older pager seconds minutes hours days
    band clock newest_block may_claim may_public_claim may_refund may_public_refund may_business
    readings_private stored_by escalated acknowledged note log_broken log_search_told as_csv
    sealed sealed_told no_sealed parties sealed_file openings no_openings opened_to opened never_opened shares
    transactions_in_blocks found_title seconds_between_blocks
    consortium election organisations proposals no_registry no_election no_proposals candidates no_candidates needed
    needed_for_pause certificates votes against proposer_of seats decides score deposit filled benched
}

impl Texts {
    pub(crate) fn kind<'a>(&self, word: &'a str) -> &'a str {
        self.word("kind", word)
    }

    pub(crate) fn role<'a>(&self, word: &'a str) -> &'a str {
        self.word("role", word)
    }

    pub(crate) fn stage<'a>(&self, word: &'a str) -> &'a str {
        self.word("stage", word)
    }

    pub(crate) fn outcome<'a>(&self, word: &'a str) -> &'a str {
        self.word("outcome", word)
    }

    pub(crate) fn event<'a>(&self, word: &'a str) -> &'a str {
        self.word("event", word)
    }

    pub(crate) fn actor<'a>(&self, word: &'a str) -> &'a str {
        self.word("actor", word)
    }

    pub(crate) fn finding<'a>(&self, word: &'a str) -> &'a str {
        self.word("finding", word)
    }

    pub(crate) fn attention<'a>(&self, word: &'a str) -> &'a str {
        self.word("attention", word)
    }

    pub(crate) fn asset<'a>(&self, word: &'a str) -> &'a str {
        self.word("asset", word)
    }

    pub(crate) fn rule_of<'a>(&self, word: &'a str) -> &'a str {
        self.word("rule", word)
    }

    pub(crate) fn trigger<'a>(&self, word: &'a str) -> &'a str {
        self.word("trigger", word)
    }

    pub(crate) fn state_of<'a>(&self, word: &'a str) -> &'a str {
        self.word("state", word)
    }

    fn word<'a>(&self, of: &str, word: &'a str) -> &'a str {
        let found = self
            .words
            .iter()
            .find(|(what, key, _)| *what == of && *key == word);
        found.map_or(word, |(_, _, said)| *said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_have_every_word_once() {
        let keys = |words: Words| {
            let mut keys: Vec<_> = words.iter().map(|(of, key, _)| (*of, *key)).collect();
            keys.sort_unstable();
            keys
        };
        let (en, zh) = (keys(EN.words), keys(ZH.words));

        assert_eq!(en, zh);
        assert!(en.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(ZH.stage("waiting"), "等待中");
        assert_eq!(ZH.stage("<unknown>"), "<unknown>");
    }
}
