# What a known file knows is left out; what it may not be asked for is not.

. "$CASES/lib.sh"
. "$CASES/s3chunk/lib.sh"
s3put -q --make-bucket
noise 1 2000000 >a
noise 2 102400 >b

now 'the first time'
s3chunk -v --known k --fixed 100k <a >first
ends
ls | sed 's/\(pending-\).*/\1ID/'

now 'what is stored is learned, in the middle of a line'
id=$(id <first)
s3put -q --host h --date 2024-01-01 home 0 <first | s3chunk --learn k | jq -r .key
ls
stat -c '%A %n' k
receipt "$id" "$(date +%s)" | s3chunk -v --learn k >/dev/null
ends

now 'the second time'
cat b a | s3chunk -v --known k --fixed 100k >second
tar tf second
tar xOf second refs | sed "s/ [0-9]\{10\}$/ UNTIL/; s/$id/FIRST/; s/[0-9a-f]\{32\}/SECOND/; s,file://.*,BUCKET,"
s3chunk -d <second >out
ends
s3chunk --list <second | cut -d' ' -f1-5 | head -n 3

now 'it was not stored, so it taught nothing'
cat b a | s3chunk -v --known k --fixed 100k >/dev/null
s3chunk --learn k </dev/null
ends

now 'it is stored, and so is what comes then'
s3put -q --host h --date 2024-01-02 home 1 <second | s3chunk -q --learn k >/dev/null
ends
cat b a | s3chunk -v --known k --fixed 100k >third
tar xOf third refs | grep -c '^object '
tar tf third

now 'nobody goes back'
receipt "$(id <second)" 1700000000 | s3chunk --learn k >/dev/null
ends
s3chunk --known k --fixed 100k <a >fourth
receipt "$(id <fourth)" 1700000000 older | s3chunk --learn k | jq -r .key
echo "exit ${PIPESTATUS[1]}"
tail -c +129 k | grep -ao 'h:home:1:.*'

now 'other cuts'
s3chunk -v --known k --average 100k <a 2>&1 >/dev/null | sed 's/[0-9]* chunks, [0-9]*/MANY chunks, ALL/'
s3chunk -v --known k --fixed 101k <a >/dev/null
now 'all of it, please'
s3chunk -v --known k --fixed 100k --full <a >/dev/null
now 'a damaged one'
cp k kept
printf x | dd of=k bs=1 seek=200 conv=notrunc status=none
s3chunk -v --known k --fixed 100k <a >/dev/null
ends
head -c 100 kept >k
s3chunk -v --known k --fixed 100k <a >/dev/null
seq 100 >k
s3chunk -v --known k --fixed 100k <a >/dev/null
s3chunk -q --known k --fixed 100k <a >/dev/null
ends
cp kept k

now 'somebody else is cutting'
exec 9>k.lock
flock 9
s3chunk --known k --fixed 100k <a >/dev/null
ends
exec 9>&-
s3chunk -v --known k --fixed 100k <a >/dev/null
ends

now 'a folder that is not there, or no folder'
s3chunk --known none/k <a | wc -c
echo "exit ${PIPESTATUS[0]}"
s3chunk --known a/k <a >/dev/null
ends
now 'a dump is a dump, though nothing can be learned of it'
mkdir other
s3chunk --known other/k --fixed 100k < <(cat a; rm -r other) 2>&1 >alone | mask
echo "exit ${PIPESTATUS[0]}"
s3chunk --verify <alone
ends
