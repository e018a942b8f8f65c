# A dump that is damaged on the disk is never passed off as a good one.

. "$CASES/lib.sh"
s3put -q --make-bucket
key=ember:/home:0:2019-11-30

# Trying again heals no disk: with or without patience the answer comes at once.
check() {
    s3get --patience 0 --host ember --date 2019-11-30 /home 0 2>said >restored
    ends
    sed -n '1s/^\(s3get: error: could not read ember:[^ ]*\): .*/\1: REASON/p' said
    s3get --patience 0 --host ember --date 2019-11-30 --verify /home 0 2>/dev/null
    ends
}

seq 3000000 | s3put --host ember --date 2019-11-30 /home 0 | jq .size
check
cmp restored "$BUCKET_DIR/$key" && echo same

now 'one byte in the middle is another one'
cp "$BUCKET_DIR/$key" good
printf 'X' | dd of="$BUCKET_DIR/$key" bs=1 seek=10000000 conv=notrunc status=none
check
cat said

now 'the end is missing'
cp good "$BUCKET_DIR/$key"
truncate -s 20000000 "$BUCKET_DIR/$key"
check

now 'the body is gone'
rm "$BUCKET_DIR/$key"
check

now 'the record of it is damaged: that, too, is said at once'
echo hello | s3put -k note >/dev/null
printf '{"key":"note","body":"../elsewhere","size":6}' >"$BUCKET_DIR/.s3pipes/meta/note%o"
s3get -k note 2>said
ends
sed "s|$BUCKET_DIR|BUCKET|" said
s3ls -a 2>&1 | sed "s|$BUCKET_DIR|BUCKET|"
