# A stream is cut, looked at, checked and joined.

. "$CASES/lib.sh"
. "$CASES/s3chunk/lib.sh"
noise 1 3000000 >a
cat a a >stream

s3chunk <stream >chunks
ends
s3chunk -d <chunks | cmp - stream
ends
s3chunk --verify <chunks
ends

now 'what comes again is stored once'
cat a a a | s3chunk -v --fixed 500000 >chunks
tar tvf chunks --numeric-owner | sed 's/ [0-9]* 1970/ SIZE 1970/'
s3chunk -d <chunks | cmp - <(cat a a a)
ends

now 'the same content, another stream: ids, keys and cuts are new each time'
s3chunk --average 64k <a >other
s3chunk --average 64k <a | cmp -s - other
ends

now 'lengths of chunks, and where they lie'
noise 2 20000 | s3chunk --fixed 8k >chunks
s3chunk --list <chunks | sed 's/ [0-9a-f]*$/ HASH/'
s3chunk --list <chunks | sed 's/.* //' >hashes
tar xOf chunks index | sed "s/ $(head -n 1 hashes) / FIRST /; s/[0-9a-f]\{32,\}/HEX/g"
tar xOf chunks refs | sed 's/[0-9a-f]\{32,\}/HEX/g'

now 'the average is about that, within its limits'
s3chunk --average 16k <a >chunks
s3chunk --list <chunks | awk '
    { n++; sum += $3; if ($3 > 65536) wrong++ }
    last && last < 4096 { wrong++ }
    { last = $3 }
    END { print (sum / n > 12000 && sum / n < 20000 ? "fine" : sum / n), wrong + 0, "out of limits" }'

now 'nothing in'
s3chunk </dev/null >chunks
tar tf chunks
s3chunk -d <chunks | wc -c
ends
s3chunk --list <chunks

now 'pieces with numbers'
s3chunk --fixed 1000k --numbered <a >pieces
tar tvf pieces --numeric-owner
unpack pieces unpacked
cat unpacked/1 unpacked/2 unpacked/3 | cmp - a
ends

now 'a reader that goes away'
s3chunk <stream | head -c 1 >/dev/null
echo "exit ${PIPESTATUS[0]}"
s3chunk <stream | s3chunk -d | head -c 1 >/dev/null
echo "exit ${PIPESTATUS[1]}"
now 'a disk that is full'
s3chunk <stream >/dev/full
ends
s3chunk <stream | s3chunk -d >/dev/full
ends
