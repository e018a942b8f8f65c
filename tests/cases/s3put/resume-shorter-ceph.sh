# on: radosgw
# The same where the server doesn't complete such an upload: then the next run begins anew.

. "$CASES/lib.sh"
s3put -q --make-bucket
name=(--host ember --date "$(date +%F)" --part-size 5M --resume)
seq 3000000 >stream
s3put -q "${name[@]}" short 0 -- sh -c 'cat stream; exit 3'
ends

head -c 6000000 stream | s3put -q "${name[@]}" short 0
ends
s3ls --uploads -a
head -c 6000000 stream | s3put "${name[@]}" short 0 | jq -c '[.size, .parts, .resumed]'
s3get --host ember short 0 | cmp - <(head -c 6000000 stream) && echo same
