# An object of no set that dumps need may be continued: neither it nor what continues it goes.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
long "$one" | s3put -q -k long --part-size 5M --max-object 5M | jq -c '[.objects[].key]'
referring "$two" "$S3_BUCKET" "$(later)" "$one" long | s3put -q --host ember --date 2019-01-01 home 0 >/dev/null
go() {
    s3prune -q "$@" --no-grace --delete
    ends
}

now 'it is needed'
go -k long
s3get -q --host ember --date 2019-01-01 home 0 | tar t
