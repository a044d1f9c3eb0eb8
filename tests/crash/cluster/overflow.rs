use super::{nodes::Cluster, orders::until_answered};
use crate::{
    commercial_api::{CommercialApi, Reply},
    eventually::eventually,
    overflow::configuration,
};

#[test]
fn a_gateway_buys_and_what_it_dies_over_is_in_doubt_and_made_by_a_worker() {
    let api = CommercialApi::start();
    let Some(mut cluster) = Cluster::new() else { return };
    let config = configuration(&api, cluster.aside()).display().to_string();
    cluster.environment.push(("TINTYPE_CONFIG".into(), config));
    let key = cluster.create_key("buyer", &["--overflow", "yes"]);
    let (first, second) = (cluster.gateway(), cluster.gateway());
    let count =
        |state: &str| cluster.count(&format!("SELECT count(*) FROM purchases WHERE state = '{state}'"));
    // No worker is there, so that it is bought; and the gateway dies before the answer.
    api.will_answer(&[Reply::Silence]);
    let client = Cluster::client_with(&key, &first);
    let waiting = std::thread::spawn(move || client.generate(Some("order"), 1));
    eventually("the seller is asked", || api.orders().len() == 1);
    assert_eq!(count("open"), 1);
    first.kill();
    assert_eq!(waiting.join().expect("no panic").expect_err("cut off").status, 0);
    eventually("it is in doubt", || count("doubtful") == 1);
    let worker = cluster.worker();
    let client = Cluster::client_with(&key, &second);
    until_answered(&client, "order", 1);
    assert_eq!(api.orders().len(), 1, "nobody is asked again");
    let made = "SELECT count(*) FROM entries WHERE kind = 'image'";
    assert_eq!(cluster.count(made), 1, "a worker has made it");
    // What a seller refuses is made by a worker too; another order is bought.
    api.will_answer(&[Reply::Status(429)]);
    until_answered(&client, "refused", 1);
    assert_eq!((cluster.count(made), count("refused")), (2, 1));
    until_answered(&client, "another", 1);
    assert_eq!((cluster.count(made), count("bought"), count("open")), (2, 1, 0));
    cluster.settles();
    worker.stop();
}
