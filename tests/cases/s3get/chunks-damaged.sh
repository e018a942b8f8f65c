# on: s3serve
# fault: GetObject#5:flip=513
# fault: GetObject#10:flip=3
# fault: GetObject#11:flip=5640
# A chunk stream that is damaged on its way, or on the server, is not one that came well.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
alone "$one" | s3put -q -k first >/dev/null

now 'a content: of the own object the checksum tells'
referring "$two" "$S3_BUCKET" "$(later)" "$one" first | s3put -q -k second >/dev/null
s3get -q --parallel 1 -k second >/dev/null
ends
grep -o 'range=.*flip=513' "$LOG" | sed 's/if-match=[^ ]* //'

now 'a header'
s3get -q --parallel 1 -k second >/dev/null
ends
grep -o 'range=.*flip=3$' "$LOG" | sed 's/if-match=[^ ]* //'

now 'the end: nothing is written'
s3get -q -k second >out
ends
wc -c <out
grep -o 'range=.*flip=5640' "$LOG" | sed 's/if-match=[^ ]* //'

now 'and without all that it comes'
s3get -q --parallel 1 -k second | tar t
