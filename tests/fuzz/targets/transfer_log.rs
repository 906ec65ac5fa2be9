//! A log of a port, a `HashTimeLock`, an escrow or a `Settlement` as an RPC node gives it: topics first, 32 bytes each by the
//! first byte's count, then the data. The first topic is taken from `SIGNATURES` by the same byte, because none is guessed.
#![no_main]

use alloy_primitives::{Address, B256, Bytes, b256};
use causeway::{
    crossing::{
        Kind as _,
        peg::{PegPort, PegSite, Pegs},
        settlement::{SettlementSite, Settlements},
    },
    keys::Signers,
};
use causeway_adapter_api::{Asset, ChainId, Height, RawLog, Timestamp, TxId};
use libfuzzer_sys::fuzz_target;

const HOME: ChainId = ChainId(1);
const SIDE: ChainId = ChainId(2);
const PORT: Address = Address::repeat_byte(0x90);
const LOCKS: Address = Address::repeat_byte(0x10);
const TOKEN: Address = Address::repeat_byte(0x70);

fn pegs() -> Pegs {
    let end = |chain| PegPort {
        chain,
        port: PORT,
        asset: Asset::Token(TOKEN),
        locks: LOCKS,
        client: Address::ZERO,
        account: Address::ZERO,
        start: Height(0),
    };
    let (home, side) = (end(HOME), end(SIDE));
    Pegs::new(vec![PegSite { home, side }], Vec::new())
}

fn settlements() -> Settlements {
    let site = SettlementSite {
        public: HOME,
        escrow: PORT,
        public_start: Height(0),
        consortium: SIDE,
        settlement: PORT,
        consortium_start: Height(0),
        client: Address::ZERO,
        account: Address::ZERO,
    };
    Settlements {
        sites: vec![site],
        signers: Signers::new(std::iter::empty()),
        settle: 1,
        patience: 1,
    }
}

fuzz_target!(|raw: &[u8]| {
    let Some((first, rest)) = raw.split_first() else {
        return;
    };
    let count = usize::from(*first % 4).min(rest.len() / 32);
    let (topics, data) = rest.split_at(count * 32);
    let signature = SIGNATURES[usize::from(*first / 4) % SIGNATURES.len()];
    let topics = topics.chunks(32).map(B256::from_slice);
    let mut log = RawLog {
        address: PORT,
        topics: std::iter::once(signature).chain(topics).collect(),
        data: Bytes::copy_from_slice(data),
        height: Height(1),
        block: B256::ZERO,
        time: Timestamp(1),
        tx: TxId(B256::ZERO),
        index: 0,
    };
    let (pegs, settlements) = (pegs(), settlements());
    for chain in [HOME, SIDE] {
        for address in [PORT, LOCKS] {
            log.address = address;
            let _ = pegs.read(chain, &log);
        }
        log.address = PORT;
        let _ = settlements.read(chain, &log);
    }
});

/// First topics of the events that are read.
const SIGNATURES: [B256; 17] = [
    // HashTimeLock.Claimed
    b256!("9749814731278eb17eeaadb148f04d4bd4a039142288da984643ff86d2af0d62"),
    // HashTimeLock.Locked
    b256!("ab55207a03d949b294cdc96284609443ddc93a57f3f5018b60f9c220c1367e59"),
    // HashTimeLock.Refunded
    b256!("cc33ce18e322dc717363fea37fd6b19d05ce254cd48a950c2c173e35b244d7e3"),
    // PegMint.PegClaimed
    b256!("6ec8f80022f2f5744a6f50dc3008ac3f1b5218948d2a2b59df146aa40a8b2a32"),
    // PegMint.PegOpened
    b256!("ee59392e83e513169b246fc4cebb192b007af590f242b32ed74295468d770c67"),
    // PegMint.PegPaid
    b256!("3acb75ac2aa6844156c52bc4e200f3640a38ef6fc0625c237c1bf42f9a78465d"),
    // PegMint.PegPaused
    b256!("962cb776737ee8c032c6d0fd9b6ab9138f2a4075ac55634fb96c371e32093c16"),
    // PegMint.PegUnpaused
    b256!("b13f5d719e66c7cb52abcda73b2d876b390306311798398d49b3b50c95738dcf"),
    // SettlementEscrow.DealOpened
    b256!("ef6a767ada61985d856be1f03f465090dd6fafbeba534d1659bdf290c47cffc3"),
    // SettlementEscrow.DealRefunded
    b256!("d798ddc41a8fff60e2211bad4fd6f7ae19f3193d2d43f584435689cebf30823c"),
    // SettlementEscrow.DealReleased
    b256!("670a00f57d03554ca2b656bb23c8bc9f525d9695ed97442d460b96b3dd0e4ad2"),
    // SettlementEscrow.VerdictRecorded
    b256!("c09f7cefa5e03bbb8fb8795fb73c3148da2f9d27b8320c2d87230423c94272dd"),
    // Settlement.OutcomeConcluded
    b256!("0429b0f65e929773a738d6b3405cd28352ee8ecd9b464874d4fb74f38648c883"),
    // Settlement.OutcomeConfirmed
    b256!("f4e737948f4e57c48c6d10c185e7b10c22e384f0447c1101845d68784be3cd98"),
    // Settlement.VerdictNotSent
    b256!("0536b43fdf807aa71f80417da612bf2a0de2c914ba92ddaad6882a8025f834f7"),
    // Settlement.VerdictPublished
    b256!("b16734280ee4435bc663c39d2c5c0c560fe49954d1245c4eff35b4712a4e8098"),
    // Settlement.VerdictSent
    b256!("9c9b0c82bf862272f7e03b59710859e8e454c329fcc187cc3acfe04353174803"),
];
