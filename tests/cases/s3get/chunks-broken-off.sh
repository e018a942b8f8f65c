# on: s3serve
# fault: GetObject#2:cut=100
# fault: GetObject#6:cut=700
# fault: GetObject#8:slowdown
# A chunk stream is put together from ranges of several objects; what breaks off goes on where it broke off.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
alone "$one" | s3put -q -k first >/dev/null
referring "$two" "$S3_BUCKET" "$(later)" "$one" first | s3put -q -k second >/dev/null

s3get -q -k second >one
ends
grep -c fault= "$LOG"
s3get -k second | cmp - one && echo same
tar tf one

now 'few requests: a look and the tail of each object, the head of the first, a range of each'
before=$(grep -c . "$LOG")
s3get -k second >/dev/null
tail -n +$((before + 1)) "$LOG" | awk '{ print $1 }' | sort | uniq -c | sed 's/^ *//'
