//! Access lists, and documents in S3's own XML. Kept and returned, not enforced: the directory's permissions are.

use s3s::dto::{AccessControlPolicy, Grant, Grantee, Owner, Permission, Type};
use s3s::xml::{Deserialize, Deserializer, Serialize, Serializer};
use s3s::{S3Error, S3Result, s3_error};

/// Whoever may read the directory owns everything in it; protocol and clients want a name for that.
const OWNER: &str = "s3pipes";
/// Everybody, in access lists.
const EVERYBODY: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";

/// The only owner there is.
pub(super) fn owner() -> Owner {
    Owner {
        display_name: Some(OWNER.to_owned()),
        id: Some(OWNER.to_owned()),
    }
}

/// The access list that one of S3's short names stands for.
pub(super) fn canned(name: &str) -> S3Result<AccessControlPolicy> {
    let group = |uri: &str, permission: &'static str| Grant {
        grantee: Some(Grantee {
            display_name: None,
            email_address: None,
            id: None,
            type_: Type::from_static(Type::GROUP),
            uri: Some(uri.to_owned()),
        }),
        permission: Some(Permission::from_static(permission)),
    };
    let mut grants = vec![Grant {
        grantee: Some(Grantee {
            display_name: Some(OWNER.to_owned()),
            email_address: None,
            id: Some(OWNER.to_owned()),
            type_: Type::from_static(Type::CANONICAL_USER),
            uri: None,
        }),
        permission: Some(Permission::from_static(Permission::FULL_CONTROL)),
    }];
    match name {
        "private" | "bucket-owner-full-control" | "bucket-owner-read" | "aws-exec-read" => {}
        "public-read" => grants.push(group(EVERYBODY, Permission::READ)),
        "public-read-write" => grants.extend([
            group(EVERYBODY, Permission::READ),
            group(EVERYBODY, Permission::WRITE),
        ]),
        "authenticated-read" => grants.push(group(AUTHENTICATED, Permission::READ)),
        other => {
            return Err(s3_error!(
                InvalidArgument,
                "there is no canned access list {other}"
            ));
        }
    }
    Ok(AccessControlPolicy {
        grants: Some(grants),
        owner: Some(owner()),
    })
}

/// The document that a Put…Acl request amounts to.
pub(super) fn requested_acl(
    document: Option<AccessControlPolicy>,
    canned_name: Option<&str>,
    grants: bool,
) -> S3Result<String> {
    let policy = match (document, canned_name, grants) {
        (_, _, true) => {
            return Err(s3_error!(
                NotImplemented,
                "x-amz-grant headers are not implemented; send a document"
            ));
        }
        (Some(policy), None, _) => policy,
        (None, Some(name), _) => canned(name)?,
        (None, None, _) => {
            return Err(s3_error!(
                MissingSecurityHeader,
                "your request was missing a required header"
            ));
        }
        (Some(_), Some(_), _) => {
            return Err(s3_error!(
                UnexpectedContent,
                "this request does not support content"
            ));
        }
    };
    if policy.owner.is_none() {
        return Err(s3_error!(
            MalformedACLError,
            "the XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    Ok(to_xml(&policy))
}

/// The document of one who never said.
pub(super) fn stored_acl(document: Option<&str>) -> S3Result<AccessControlPolicy> {
    document.map_or_else(
        || canned("private"),
        |document| from_xml(document.as_bytes()),
    )
}

/// A document in S3's own XML.
pub(super) fn to_xml<T: Serialize>(value: &T) -> String {
    let mut bytes = Vec::new();
    // Writing to memory has no way to fail.
    let _ = value.serialize(&mut Serializer::new(&mut bytes));
    String::from_utf8(bytes).unwrap_or_default()
}

/// The inverse.
pub(super) fn from_xml<T: for<'xml> Deserialize<'xml>>(bytes: &[u8]) -> S3Result<T> {
    let unreadable = |error: &dyn std::fmt::Display| -> S3Error {
        s3_error!(
            InternalError,
            "could not understand a stored document: {error}"
        )
    };
    let mut reader = Deserializer::new(bytes);
    T::deserialize(&mut reader).map_err(|error| unreadable(&error))
}
