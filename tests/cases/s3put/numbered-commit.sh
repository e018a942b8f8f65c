# on: s3serve
# fault: CompleteMultipartUpload#4:error=403,AccessDenied
# fault: DeleteObject#2:deny
# fault: CompleteMultipartUpload#6:lost
# fault: CompleteMultipartUpload#10:error=403,AccessDenied
# A dump in numbered pieces of which one can't be completed: what was completed before is removed, or named.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

put=(s3put --host ember --date "$day")
seq 600000 | head -c 4000000 | s3chunk --fixed 1M --numbered >pieces
there() {
    s3ls -j --no-checksum -a -q | jq -c '[.key, .flaw]'
    s3ls --uploads -a
}

# They are completed side by side, so any of them may be the one.
which_one() { sed -E 's/:[123](:| is)/:N\1/'; }

now 'the first piece comes last, and is refused: the others go again, but for one'
"${put[@]}" /home 0 <pieces 2>&1 | which_one
there

now 'that is no dump'
s3get --host ember /home 0
ends
s3prune --keep-last 1 --delete
ends

now 'its name is taken'
"${put[@]}" /home 0 <pieces 2>&1 | which_one
s3ls -j --no-checksum -a -q | jq -r .key
s3ls -a --uploads -j | jq -s length

now 'under another one all goes well, though an answer is lost'
"${put[@]}" /srv 0 <pieces | jq -c '[.size, (.objects | length)]'
s3get --host ember /srv 0 | cmp -n 4000000 - <(seq 600000) && echo same

now 'one in the middle is refused: the others go again'
"${put[@]}" /etc 0 <pieces 2>&1 | which_one
there
ends
