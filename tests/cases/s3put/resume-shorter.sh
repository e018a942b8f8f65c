# on: file s3serve
# The stream is shorter than what a broken run had stored of it.

. "$CASES/lib.sh"
s3put -q --make-bucket
name=(--host ember --date "$(date +%F)" --part-size 5M --resume)
seq 3000000 >stream
s3put -q "${name[@]}" short 0 -- sh -c 'cat stream; exit 3'
ends

head -c 6000000 stream | s3put "${name[@]}" short 0 2>&1 >receipt | grep -v 'going on'
jq -c '[.size, .parts, .resumed]' receipt
s3get --host ember short 0 | cmp - <(head -c 6000000 stream) && echo same
s3ls --uploads -a
ends
