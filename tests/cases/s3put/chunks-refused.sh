# on: file s3serve radosgw
# A chunk stream that can't be stored is refused, and nothing of it is.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
alone "$one" >stream

now 'another form than that in which dumps are stored'
for form in whole part tail; do
    archive "$one" "$form" | s3put -k "$form"
    ends
done

now 'another format'
sed 's,chunks/1,chunks/9,' stream | s3put -k x
ends

now 'one that ends early: who made it is asked first'
head -c 2000 stream | s3put -k x
ends
s3put -k x -- sh -c 'head -c 2000 stream; exit 3'
ends

now 'one that is damaged: who made it needn'"'"'t end before that is said'
{ head -c 1024 stream; head -c 1000000 /dev/zero | tr '\0' x; } | s3put -k x
ends
s3put --commit always -k x -- sh -c 'head -c 1024 stream; yes'
ends

now 'one whose parts are of different streams'
archive "$one" new index i refs "$(refs "$two")"$'\n' | s3put -k x
ends
archive "$one" new c/0000000000 c index i refs "$(refs "$one")"$'\n' | s3put -k x
ends

now 'one that is called like a part of something else'
for key in x:1 x.tail h:f:0:2019-01-01:3 h:f:0:2019-01-01/chunk_000003; do
    s3put -k "$key" <stream
    ends
done

now 'what says nothing of a chunk stream'
s3put -k x --resume <stream
ends
s3put --host h --date 2019-01-01 home 0 --shrink-limit 10% <stream
ends
stored
s3ls --uploads -a
ends
