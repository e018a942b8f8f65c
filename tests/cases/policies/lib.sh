# shellcheck shell=bash
# What the cases of doc/policies have in common. A case begins with:  . "$CASES/lib.sh"; . "$CASES/policies/lib.sh"
#
# The owner of the bucket is `test`, whose keys are in the environment; `other` has nothing but what a policy grants.

POLICIES=$(cd "$CASES/../../doc/policies" && pwd)
BUCKETNAME=${S3_BUCKET#s3://}

# other COMMAND...: runs it with the keys of the second user
other() { AWS_ACCESS_KEY_ID=other AWS_SECRET_ACCESS_KEY=othersecret "$@"; }

# s3 METHOD PATH [BODY [HEADER...]]: one request as whoever's keys are in the environment, signed by curl; the answer's
# body. PATH is below the bucket, and sorted and escaped as signatures want it. `says` has the status and the code.
s3() {
    local method=$1 path=$2 body=${3-} header words=() digest
    shift $(($# < 3 ? $# : 3))
    for header; do words+=(-H "$header"); done
    if [ "$method" != GET ]; then
        printf %s "$body" >.body
        words+=(-H 'Content-Type: application/octet-stream' --data-binary @.body)
        # Documents of a bucket must have one.
        digest=$(openssl dgst -md5 -binary .body | base64)
        words+=(-H "Content-MD5: $digest")
    fi
    words+=(-H "x-amz-content-sha256: $(printf %s "$body" | sha256sum | cut -d' ' -f1)")
    curl -q -sS -K <(printf 'user = "%s:%s"\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY") -X "$method" "${words[@]}" \
        --aws-sigv4 "aws:amz:$AWS_REGION:s3" -o .answer -w '%{http_code}' "$AWS_ENDPOINT_URL_S3/$BUCKETNAME$path" >.status
    cat .answer
}

# says METHOD PATH...: the status of such a request, and the server's word for a refusal
says() {
    s3 "$@" >/dev/null
    printf '%s%s\n' "$(<.status)" "$(grep -o '<Code>[^<]*' .answer | sed 's/<Code>/ /')"
}

# filled NAME: the document of that name for this bucket and the second user, as radosgw names users
filled() { sed "s/BUCKET/$BUCKETNAME/g; s|PRINCIPAL|arn:aws:iam:::user/other|g; s/HOST/h/g; s/FS/home/g" "$POLICIES/$1"; }

# apply NAME...: the bucket policy that is made of these
apply() {
    local name
    for name; do filled "$name"; done | jq -s '{Version: .[0].Version, Statement: (map(.Statement) | add)}' >.policy
    s3 PUT '/?policy=' "$(<.policy)"
}

# block MARK: the commands of README.md below that mark
block() { sed -n "/^<!-- $1 -->\$/,/^\`\`\`\$/p" "$POLICIES/README.md" | grep -v -e '^<!--' -e '^```'; }

# filled_in: carries out, in a copy of the folder, what README.md says about filling in, for the second user
filled_in() {
    cp "$POLICIES"/* .
    # radosgw insists on users that exist, and the owner must not lose its own rights.
    block test | sed "s/my-backups/$BUCKETNAME/; s/arn:aws:iam::111122223333:user/arn:aws:iam:::user/; s/web1;/other;/
        s/ fill restore-only.json restorer; fill prune-only.json pruner;//" >fill
    grep -q 'fill write-only.json other; }' fill || echo 'README.md has changed: see filled_in'
    . ./fill
}

# rules, statements: what the bucket holds
rules() { s3 GET '/?lifecycle=' | grep -o '<ID>[^<]*' | cut -d'>' -f2 | sort; }
statements() { s3 GET '/?policy=' | jq -r '.Statement[].Sid'; }
