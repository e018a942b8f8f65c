# on: file s3serve radosgw
# What memory can't hold twice goes through files that have no name; what they can't hold stays in memory.

. "$CASES/lib.sh"
s3put -q --make-bucket

MiB=1048576
seq 6000000 | head -c $((33 * MiB)) >stream

now 'memory for less than two parts'
s3put -k files --memory 20M <stream 2>said | jq -c '[.size, .parts]'
sed "s|$TMPDIR|TMPDIR|" said
s3get -k files | cmp - stream && echo same

now 'for hardly anything'
s3put -q -k hardly --memory 1k --part-size 5M --max-object 12M <stream | jq -c '[.size, .parts]'
s3get -k hardly | cmp - stream && echo same
echo short | s3put -q -k short --memory 1k | jq -c '[.size, .parts]'
s3get -k short

now 'nothing of it can be seen'
ls -A "$TMPDIR"

now 'a place where no file can be made'
TMPDIR=/no/such/place s3put -k nowhere --memory 20M <stream | jq -c '[.size, .parts]'
s3get -k nowhere | cmp - stream && echo same
