# on: s3serve
# thaw: 2
# What is in an archive is brought back before it is read: exactly what a dump needs, and once.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
table() { printf '%s\n' 'date 2019-01-01' 'currency EUR' 'region r' 'source s' 'class STANDARD 1 0 0 0 0' 'read STANDARD 0 0' \
    'read GLACIER 0 0' 'thaw GLACIER Bulk 1000 0'; }
restores() { grep -c '^RestoreObject' "$LOG"; }
cold=(-q --storage-class GLACIER)
alone "$one" | s3put "${cold[@]}" -k first >/dev/null
alone "$two" | s3put "${cold[@]}" -k unneeded >/dev/null
referring "$three" "$S3_BUCKET" "$(later)" "$one" first | s3put "${cold[@]}" -k second >/dev/null

s3get -k second | wc -c
s3get -k second --tail | tar t
s3get -k second --plan --prices <(table) --thaw --tier bulk | tail -2
restores
s3get -k second --thaw | wc -c
restores
s3get -k second --thaw=30 --tier Bulk | wc -c
restores
s3get -k second --plan --prices <(table) --tier bulk | tail -2
s3get -k second --thaw 2>said >whole || s3get -k second --thaw 2>said >whole
ends
tar tf whole
restores

now 'only what is wanted'
s3get -k unneeded --chunks 0 --thaw >/dev/null
ends
restores

now 'a dump of bytes'
seq 1000 | s3put "${cold[@]}" -k plain >/dev/null
s3get -k plain | wc -c
s3get -q -k plain --thaw | wc -c
s3get -q -k plain --thaw >/dev/null 2>&1
s3get -q -k plain --thaw >/dev/null 2>&1
s3get -q -k plain --thaw | cmp - <(seq 1000) && echo same
restores

now 'what can be read is not asked for'
seq 1000 | s3put -q -k warm >/dev/null
s3get -k warm --thaw | cmp - <(seq 1000) && echo same
restores
for words in --thaw=0 --thaw=x '--tier fast'; do
    # shellcheck disable=SC2086
    s3get -k warm $words
    ends
done

now 'without tails, as after a lifecycle rule: what it needs is known when it can be read itself'
alone "$one" | s3put "${cold[@]}" -k below >/dev/null
referring "$three" "$S3_BUCKET" "$(later)" "$one" below | s3put "${cold[@]}" -k above >/dev/null
for key in below above; do s3prune -q --delete --force -k "$key.tail"; done
comes_true s3get -q -k above --thaw 2>said >whole
tar tf whole
restores
