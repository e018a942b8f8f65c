# s3rate passes on what it reads, unchanged, and takes its time.

. "$CASES/lib.sh"
s3put -q --make-bucket
seq 1000000 >numbers

now 'without a rate: as fast as it goes'
s3rate <numbers | cmp - numbers
ends
now 'with one'
head -c 300000 numbers | s3rate 1M | cmp - <(head -c 300000 numbers)
ends
s3rate 100G <numbers | cmp - numbers
ends
now 'by the clock'
s3rate 'Mon-Fri 08:00-18:00 50G, 100G' <numbers | cmp - numbers
ends
now 'nothing in, nothing out'
s3rate 300k </dev/null | wc -c
now 'from a file to a file'
s3rate off <numbers >copy
cmp copy numbers
ends
now 'what was passed'
s3rate --stats <numbers 2>&1 >/dev/null | sed 's/ in .*/ in SOME TIME/'
s3rate -v 300k </dev/null
s3rate -v --stats 300k </dev/null 2>&1 | sed 's/ in .*/ in NO TIME/'
s3rate -q --stats </dev/null
now 'ready for a backup'
head -c 200000 numbers | s3rate 2M | s3put -q --host ember --date 2019-11-30 numbers 0 | jq .size
s3get --host ember --date 2019-11-30 numbers 0 | s3rate 2M | cmp - <(head -c 200000 numbers)
ends
