//! What each registered circuit costs: constraints, setup, proving, verifying, memory, sizes.
//!
//! `cargo run --release -p causeway-circuits --example measure [-- <threads>]`

use std::error::Error;
use std::time::Instant;

use alloy_primitives::{Address, B256, U256};
use ark_bn254::Fr;
use causeway_circuits::babyjub::SecretKey;
use causeway_circuits::context::Context;
use causeway_circuits::groth16::{Compiled, development_key, prove};
use causeway_circuits::keys;
use causeway_circuits::merkle::Tree;
use causeway_circuits::statement::{alarm, hashlink, median, reading, right, session, sum};
use causeway_circuits::system::Circuit;

const ADDRESS: Address = Address::ZERO;

fn main() -> Result<(), Box<dyn Error>> {
    let threads: usize = std::env::args().nth(1).map_or(Ok(0), |n| n.parse())?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    println!(
        "| circuit | constraints | setup s | witness ms | prove s | constraints/s | verify ms | batch of 16 ms each | key MB | key hash |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---|");
    for circuit in circuits()? {
        let line = pool.install(|| measure(circuit.as_ref()).map_err(|e| e.to_string()))?;
        println!("{line}");
    }
    println!("\n{} threads", pool.current_num_threads());
    Ok(())
}

fn measure(circuit: &dyn Circuit) -> Result<String, causeway_circuits::Error> {
    let compiled = Compiled::new(circuit)?;
    let (key, setup) = timed(|| development_key(&compiled));
    let key = key?;
    let (_, witness) = timed(|| circuit.assignment());
    let (made, proving) = timed(|| prove(&key, &compiled, circuit));
    let (proof, inputs) = made?;
    let (verified, verifying) = timed(|| key.verifying().verify(&inputs, &proof));
    verified?;
    let batch = vec![(inputs, proof); 16];
    let (verified, together) = timed(|| key.verifying().verify_batch(&batch));
    verified?;
    let constraints = compiled.system().constraints.len();
    Ok(format!(
        "| `{}` | {constraints} | {setup:.2} | {:.0} | {proving:.2} | {:.0} | {:.2} | {:.2} | {:.1} | {} |",
        compiled.name(),
        witness * 1e3,
        constraints as f64 / proving,
        verifying * 1e3,
        together * 1e3 / 16.0,
        keys::encode(&key, B256::ZERO)?.len() as f64 / 1e6,
        key.verifying().hash(),
    ))
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let out = work();
    (out, start.elapsed().as_secs_f64())
}

fn context(domain: &str) -> Context {
    Context::new(domain, 4242, ADDRESS, B256::from(U256::from(7)))
}

fn circuits() -> Result<Vec<Box<dyn Circuit>>, causeway_circuits::Error> {
    Ok(vec![
        Box::new(right_holder()?),
        Box::new(alarm_of_device()?),
        Box::new(cold_chain(16)?),
        Box::new(cold_chain(session::CAPACITY)?),
        Box::new(hashlink::HashLink::new(context(hashlink::DOMAIN), [7; 32])),
        Box::new(metered()?),
        Box::new(observed()?),
    ])
}

fn right_holder() -> Result<right::Right, causeway_circuits::Error> {
    let secret = Fr::from(4711u64);
    let grant = right::Grant {
        holder: right::holder(secret),
        level: 3,
        expiry: 100,
    };
    let tree = Tree::new(right::DEPTH, vec![grant.leaf()])?;
    let ask = right::Ask {
        scope: context(right::DOMAIN),
        min: 2,
        now: 99,
        signal: Fr::from(5u64),
    };
    Ok(right::Right::new(secret, grant, tree.path(0)?, ask))
}

fn alarm_of_device() -> Result<alarm::Alarm, causeway_circuits::Error> {
    let key = SecretKey::from_seed(&[1; 32])?;
    let tree = Tree::new(alarm::DEPTH, vec![reading::leaf(key.public())])?;
    let reading = reading::Reading {
        sequence: 1,
        time: 100,
        value: session::encode(9000),
    };
    let signature = key.sign(reading.message()).into();
    let signed = reading::Signed {
        key: key.public().twisted(),
        path: tree.path(0)?,
        signature,
    };
    let policy = context(alarm::DOMAIN);
    Ok(alarm::Alarm::new(
        policy,
        session::encode(8000),
        [0, 200],
        reading,
        signed,
    ))
}

fn cold_chain(capacity: usize) -> Result<session::Session, causeway_circuits::Error> {
    let value = session::encode(-20_000);
    let at = |i: usize| session::Reading {
        time: i as u64 * 60_000,
        value,
    };
    let readings = (0..capacity).map(at).collect();
    let low = session::encode(-25_000);
    let terms = session::Terms {
        low,
        high: session::encode(-15_000),
        gap: 120_000,
    };
    let context = context(session::DOMAIN);
    session::Session::new(context, Fr::from(5u64), readings, terms, capacity)
}

fn members(count: usize, depth: usize) -> Result<(Vec<SecretKey>, Tree), causeway_circuits::Error> {
    let keys: Result<Vec<_>, _> = (0..count)
        .map(|i| SecretKey::from_seed(&[i as u8; 32]))
        .collect();
    let keys = keys?;
    let leaves = keys.iter().map(|key| reading::leaf(key.public())).collect();
    Ok((keys, Tree::new(depth, leaves)?))
}

fn metered() -> Result<sum::Sum, causeway_circuits::Error> {
    let (keys, tree) = members(sum::METERS, sum::DEPTH)?;
    let period = context(sum::DOMAIN);
    let part = |(i, key): (usize, &SecretKey)| {
        let signature = key.sign(sum::message(&period, 1000));
        Ok(sum::Part::new(
            1000,
            key.public().twisted(),
            tree.path(i)?,
            signature,
        ))
    };
    let parts: Result<Vec<_>, causeway_circuits::Error> =
        keys.iter().enumerate().map(part).collect();
    sum::Sum::new(period, tree.root(), parts?)
}

fn observed() -> Result<median::Median, causeway_circuits::Error> {
    let (keys, tree) = members(median::OPERATORS, median::DEPTH)?;
    let feed = context(median::DOMAIN);
    let seen = |(i, key): (usize, &SecretKey)| {
        let value = session::encode(i as i32);
        let signature = key.sign(median::message(&feed, 9, value));
        Ok(median::Observation::new(
            value,
            key.public().twisted(),
            tree.path(i)?,
            signature,
        ))
    };
    let observations: Result<Vec<_>, causeway_circuits::Error> =
        keys.iter().enumerate().map(seen).collect();
    median::Median::new(feed, 9, tree.root(), observations?)
}
