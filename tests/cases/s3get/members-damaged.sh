# A long member that is damaged: what takes the archive apart must not have a whole file, nor its time, or the next restore
# would take it for one that is restored.

. "$CASES/lib.sh"
s3put -q --make-bucket
mkdir t back
# No padding follows it in an archive.
yes 'not quite so short' | head -c $((512 * 40000)) >t/long
touch -d @1000000000 t/long
tar c --format=pax -C t long | s3put -q --members p | wc -l
printf X | dd of="$BUCKET_DIR/p/long" bs=1 seek=20000000 conv=notrunc status=none
s3get -q --members p --part-size 5M | tar x -C back 2>/dev/null
printf '%s\n' "${PIPESTATUS[0]}"
stat -c %s t/long
(($(stat -c %s back/long) < 512 * 40000 && $(stat -c %Y back/long) != 1000000000)) && echo 'it breaks off'

now 'through a command that fails when all is written'
tar c --format=pax -C t long | s3put -q --members q --through cat | wc -l
s3get -q --members q --part-size 5M --through 'cat; exit 3' | tar x -C back 2>/dev/null
printf '%s\n' "${PIPESTATUS[0]}"
(($(stat -c %s back/long) < 512 * 40000)) && echo 'it breaks off'

now 'undamaged'
s3get -q --members q --part-size 5M --through cat | tar x -C back && cmp t/long back/long && stat -c %Y back/long
