# A server that is busy now and then: everything arrives, and nobody is bothered.
# on: s3serve
# fault: PutObject#1:slowdown
# fault: UploadPart/3:slowdown
# fault: CompleteMultipartUpload#1:late
# fault: GetObject/3:slowdown
. "$CASES/lib.sh"

now 'one request'
seq 1000 | s3put -q -k small >/dev/null
ends
s3get -k small | cmp - <(seq 1000) && echo same

now 'many parts'
seq 4000000 >numbers
s3put -q -k large --part-size 5M <numbers | jq -c '[.size, .parts]'
s3get -k large --part-size 1M | cmp - numbers && echo same

now 'the server was asked again, no more often than it had to be'
for operation in PutObject UploadPart CompleteMultipartUpload; do
    printf '%s: %s refused, %s taken\n' "$operation" "$(grep -c "^$operation .* fault=" "$LOG")" \
        "$(grep "^$operation .* 200" "$LOG" | grep -vc ' fault=')"
done
