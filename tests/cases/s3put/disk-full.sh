# on: file
# needs: unshare mount
# A disk that is full in the middle of a part costs memory, and not the dump.

. "$CASES/lib.sh"
unshare -rm mount -t tmpfs none "$TMPDIR" 2>/dev/null || { echo 'SKIPPED: nobody may mount anything here'; exit; }
s3put -q --make-bucket
seq 6000000 | head -c 40000000 >stream
mkdir small
# Room for less than one part. The mount is gone with the program.
unshare -rm bash -c '
    mount -t tmpfs -o size=10m none small
    TMPDIR=$PWD/small s3put -k full --memory 20M' <stream 2>said | jq -c '[.size, .parts]'
sed "s|$PWD|HERE|" said
s3get -k full | cmp - stream && echo same
