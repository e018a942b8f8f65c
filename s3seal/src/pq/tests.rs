//! Against another implementation's key, and against malice.

use age::{Identity as _, Recipient as _};

use super::*;

/// From another implementation (npm's age-encryption 0.3.1): an identity and its recipient.
const KEY: &str = include_str!("../../../tests/vectors/seal/pq.txt");

fn known() -> (Identity, String) {
    let identity = KEY.lines().find(|line| line.starts_with(IDENTITY)).unwrap();
    let recipient = KEY
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "));
    (identity.parse().unwrap(), recipient.unwrap().to_owned())
}

#[test]
fn the_recipient_follows_from_the_identity() {
    let (identity, recipient) = known();
    assert_eq!(identity.to_recipient().to_string(), recipient);
    assert_eq!(
        recipient.parse::<Recipient>().unwrap().to_string(),
        recipient
    );
    let text = KEY.lines().find(|line| line.starts_with(IDENTITY)).unwrap();
    assert_eq!(identity.to_text().as_str(), text);
}

#[test]
fn a_file_key_comes_back_to_its_owner_alone() {
    let owner = Identity::generate().unwrap();
    let other = Identity::generate().unwrap();
    let key = FileKey::init_with_mut(|key| *key = *b"sixteen bytes ok");
    let (stanzas, labels) = owner.to_recipient().wrap_file_key(&key).unwrap();
    assert!(labels.contains("postquantum"));
    let opened = owner.unwrap_stanza(&stanzas[0]).unwrap().ok().unwrap();
    assert_eq!(opened.expose_secret(), key.expose_secret());
    assert!(other.unwrap_stanza(&stanzas[0]).is_none());
}

#[test]
fn a_share_that_forces_zero_is_refused() {
    let owner = Identity::generate().unwrap();
    let key = FileKey::init_with_mut(|key| *key = [7; 16]);
    let (mut stanzas, _) = owner.to_recipient().wrap_file_key(&key).unwrap();
    for point in [[0; 32], {
        let mut one = [0; 32];
        one[0] = 1;
        one
    }] {
        let mut share = STANDARD_NO_PAD.decode(&stanzas[0].args[0]).unwrap();
        share[MLKEM_SHARE..].copy_from_slice(&point);
        stanzas[0].args[0] = STANDARD_NO_PAD.encode(&share);
        assert!(matches!(
            owner.unwrap_stanza(&stanzas[0]),
            Some(Err(DecryptError::InvalidHeader))
        ));
        let mut weak = owner.to_recipient();
        weak.x25519 = point.into();
        assert!(weak.wrap_file_key(&key).is_err());
    }
}

#[test]
fn malformed_text_and_stanzas_are_refused() {
    let (identity, recipient) = known();
    for text in [
        recipient.to_uppercase(),
        recipient[..recipient.len() - 1].to_owned(),
        recipient.replace("age1pq1", "age1pq1q"),
        "age1pq1".to_owned(),
    ] {
        assert!(text.parse::<Recipient>().is_err(), "{text}");
    }
    let text = identity.to_text();
    assert!(text.to_lowercase().parse::<Identity>().is_err());
    assert!(text[..text.len() - 2].parse::<Identity>().is_err());

    // Numbers of ML-KEM that are not below 3329 are not a key.
    let mut bytes = decode(&recipient, RECIPIENT, RECIPIENT_PREFIX).unwrap();
    bytes[..3].fill(0xff);
    let text = bech32_encode(Hrp::parse_unchecked(RECIPIENT_PREFIX), &bytes);
    assert!(text.parse::<Recipient>().is_err());

    let key = FileKey::init_with_mut(|key| *key = [7; 16]);
    let stanza = || {
        identity
            .to_recipient()
            .wrap_file_key(&key)
            .unwrap()
            .0
            .remove(0)
    };
    let spoilt: [fn(&mut Stanza); 4] = [
        |stanza| stanza.args.push("more".into()),
        |stanza| stanza.args.clear(),
        |stanza| stanza.body.push(0),
        |stanza| stanza.args[0].truncate(1000),
    ];
    for spoil in spoilt {
        let mut stanza = stanza();
        spoil(&mut stanza);
        assert!(matches!(
            identity.unwrap_stanza(&stanza),
            Some(Err(DecryptError::InvalidHeader))
        ));
    }
    let mut stanza = stanza();
    stanza.body[0] ^= 1;
    assert!(identity.unwrap_stanza(&stanza).is_none());
}
