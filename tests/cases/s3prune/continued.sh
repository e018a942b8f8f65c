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
go -k long:1
s3ls -q --host ember --chunks -j --no-checksum | jq -c '[.chunks.needs, .chunks.health]'
s3get -q --host ember --date 2019-01-01 home 0 | tar t

now 'what continues another that is in an archive is asked for nothing'
long "$three" | s3put -q -k cold --storage-class GLACIER --part-size 5M --max-object 5M | jq -c '[.objects[].key]'
go -k long

now 'with what needs it gone, it goes'
s3prune -q --force --delete -k ember:home:0:2019-01-01
go -k long:1
