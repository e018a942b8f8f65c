# on: file
# needs: flock
# Another process is in the way and doesn't go: without patience that is soon said, and nothing is stored.

. "$CASES/lib.sh"
s3put -q --make-bucket
echo 'a word' | s3put -q -k a >/dev/null
# Where the locks are is a matter of the store; whoever asks for any of them has to wait.
for lock in {0..9}{0..9} {0..9}{a..f} {a..f}{0..9} {a..f}{a..f}; do
    exec {held}>"$BUCKET_DIR/.s3pipes/locks/$lock"
    flock "$held"
done
echo 'another' | s3put --patience 0 -k b 2>&1 | sed 's|locks/..|locks/LOCK|'
echo "exit ${PIPESTATUS[1]}"
s3get -k a
ls -A "$BUCKET_DIR"
