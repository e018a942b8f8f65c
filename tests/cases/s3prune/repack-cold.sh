# on: s3serve
# needs: curl
# thaw: 1
# A dump in an archive is brought back first; it is stored there again, with the tail that belongs to it.

. "$CASES/lib.sh"
. "$CASES/s3prune/lib.sh"
s3put -q --make-bucket
dump 01 0 --meta origin=ember --tag keep=long
dump 02 100 --meta origin=ember --tag keep=long
back() { comes_true s3get -q --thaw --host ember --date "2019-01-$1" home 0 >raw 2>/dev/null; s3chunk -q -d <raw | cmp - <(data "$2") && echo "2019-01-$1 is whole"; }
# told KEY: what the server says of the object besides its bytes
told() {
    ask "$1" -I | grep -io '^x-amz-meta-origin.*\|^x-amz-meta-s3pipes-[a-z]*' | sort
    ask "$1?tagging=" | grep -o '<Tag>.*</Tag>'
}
# ask KEY [OPTION]...: a request about it, signed by curl
ask() {
    curl -q -sS -K <(printf 'user = "%s:%s"\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY") "${@:2}" \
        -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' --aws-sigv4 "aws:amz:$AWS_REGION:s3" \
        "$AWS_ENDPOINT_URL_S3/${S3_BUCKET#s3://}/${1//:/%3A}" | tr -d '\r'
}

told ember:home:0:2019-01-02.tail >before
s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete
ends
back 02 100
s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete
ends
listed
cat before
told ember:home:0:2019-01-02.tail | diff before -
s3get -q --tail --host ember --date 2019-01-02 home 0 | s3chunk --list | wc -l
s3prune -q --no-grace -k ember:home:0:2019-01-01 --delete
s3get -q --host ember --date 2019-01-02 home 0
ends
back 02 100
s3ls -q -0 --host ember | tr '\0' '\n'
s3prune -q --force -k ember:home:0:2019-01-02 --delete
s3ls -q
ends
