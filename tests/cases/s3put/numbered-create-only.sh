# on: s3serve
# A key that may only create objects stores numbered pieces as well as anything else, and can't clear away what it left.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

create() {
    AWS_ACCESS_KEY_ID=creator AWS_SECRET_ACCESS_KEY=creatorsecret s3put --host ember --date "$day" "$@"
}
head -c 4000000 /dev/zero | s3chunk --fixed 1M --numbered >pieces

now 'a dump'
create /home 0 <pieces | jq -c '[.size, (.objects | length)]'
s3get --host ember --verify /home 0
ends

now 'the same again'
create /home 0 <pieces 2>&1 | sed -E 's/:[0-9]+: it exists/:N: it exists/'
s3get --host ember --verify /home 0
ends

now 'the name of the first piece is taken: the others stay, and say that they are no dump'
echo mine | s3put -q -k "ember:/srv:0:$day:0" >/dev/null
create /srv 0 <pieces
ends
s3ls -q -j --no-checksum --host ember /srv | jq -c '[.key, .pieces, .flaw]'
s3get --host ember /srv 0
ends
