# Members, while answers get lost, break off, or bring something else.
# on: s3serve
# needs: jq
# fault: PutObject#3:lost
# fault: PutObject#7:slowdown
# fault: GetObject#8:cut=500000
# fault: GetObject#12-13:flip=2
. "$CASES/lib.sh"
s3put -q --make-bucket
tree t
rm t/a/hole

now "an answer that got lost, and a busy server: each member is stored once"
tar c --format=pax --sort=name -C t . | s3put -q --members ember | jq -r .key
printf '%s\n' "${PIPESTATUS[*]}"
now "an answer that breaks off is asked for again; one that is damaged ends it, without the archive's end"
s3get -q --members ember --parallel 1 >first.tar
ends
tar tf first.tar
s3get -q --members ember | tar d -C t && echo same
