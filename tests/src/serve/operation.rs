//! Which S3 operation a request is.

use hyper::Method;
use hyper::http::request::Parts;

/// The name that S3's documentation gives the operation, or `Other` for those that we never send.
pub(super) fn name(request: &Parts) -> &'static str {
    let query = request.uri.query().unwrap_or_default();
    let has = |name: &str| {
        query
            .split('&')
            .any(|pair| pair.split('=').next() == Some(name))
    };
    let path = request.uri.path().trim_start_matches('/');
    let copies = request.headers.contains_key("x-amz-copy-source");
    match path.split_once('/') {
        Some((_, key)) if !key.is_empty() => on_object(&request.method, has, copies),
        _ if path.is_empty() => "ListBuckets",
        _ => on_bucket(&request.method, has),
    }
}

fn on_object(method: &Method, has: impl Fn(&str) -> bool, copies: bool) -> &'static str {
    match method.as_str() {
        "GET" if has("uploadId") => "ListParts",
        "GET" if has("acl") => "GetObjectAcl",
        "GET" if has("tagging") => "GetObjectTagging",
        "GET" if has("attributes") => "GetObjectAttributes",
        "GET" => "GetObject",
        "HEAD" => "HeadObject",
        "PUT" if has("uploadId") && copies => "UploadPartCopy",
        "PUT" if has("uploadId") => "UploadPart",
        "PUT" if has("acl") => "PutObjectAcl",
        "PUT" if has("tagging") => "PutObjectTagging",
        "PUT" if copies => "CopyObject",
        "PUT" => "PutObject",
        "POST" if has("uploads") => "CreateMultipartUpload",
        "POST" if has("uploadId") => "CompleteMultipartUpload",
        "POST" if has("restore") => "RestoreObject",
        "DELETE" if has("uploadId") => "AbortMultipartUpload",
        "DELETE" if has("tagging") => "DeleteObjectTagging",
        "DELETE" => "DeleteObject",
        _ => "Other",
    }
}

fn on_bucket(method: &Method, has: impl Fn(&str) -> bool) -> &'static str {
    match method.as_str() {
        "GET" if has("uploads") => "ListMultipartUploads",
        "GET" if has("list-type") => "ListObjectsV2",
        "HEAD" => "HeadBucket",
        "POST" if has("delete") => "DeleteObjects",
        "PUT" if has("lifecycle") => "PutBucketLifecycleConfiguration",
        "PUT" if has("publicAccessBlock") => "PutPublicAccessBlock",
        "PUT" => "CreateBucket",
        "DELETE" => "DeleteBucket",
        _ => "Other",
    }
}
