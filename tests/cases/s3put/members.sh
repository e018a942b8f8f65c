# on: file s3serve radosgw
# needs: jq
. "$CASES/lib.sh"
s3put -q --make-bucket

# shown: of receipts, what is the same everywhere
shown() { jq -c '[.key, .size, .member.filetype, .member.filepath, .member.size, .member.filename_encoded]'; }

tree t
ln t/hello t/zweit
mkfifo t/fifo
seq 3 >t/zero.SYMLINK
seq 5 >'t/100%41'
seq 5 >$'t/\xff'
chmod 4750 t/hello
touch -d '1969-12-31 23:59:58.25Z' t/hello

now "a receipt for each member, in the order of the archive"
tar c --format=pax --sort=name -C t . | s3put --members ember/ >receipts
ends
shown <receipts
now "what tar knew is in it"
jq -c 'select(.member.filepath == "/hello").member | del(.ctime, .uid, .gid, .owner, .group)' receipts
jq -c 'select(.key | endswith("HARDLINK")).member | [.filepath, .hardlink_target, .mtime, .mtime_ns]' receipts
now "what is there already is left alone, and doesn't hold up the others"
echo new >t/z
touch -d '2024-01-01 00:00:00Z' t/z
tar c --format=pax --sort=name -C t ./hello ./a/link ./z | s3put --members ember | shown
ends
tar c --format=pax --sort=name -C t ./hello ./a/link | s3put --members ember --overwrite | shown
now "a path that climbs, and one that is too long, are not stored"
mkdir -p deep
( cd deep && for _ in {1..6}; do mkdir "$(printf 'd%.0s' {1..200})" && cd ddd*; done; : >file )
tar c -P -C t ../t/hello -C .. deep 2>&1 | s3put --members deep 2>said | wc -l
ends
sed 's/d\{100,\}/D/g' said
now "an archive without its end: what was whole is stored, and it is an error"
tar c --format=ustar --sort=name -C t a/b a/numbers z >whole.tar
head -c 600000 whole.tar | s3put --members cut | shown
printf '%s\n' "${PIPESTATUS[*]}"
s3ls --all -j | jq -r 'select(.key // "" | startswith("cut/")).key'
head -c 0 whole.tar | s3put --members cut
ends
gzip -c whole.tar | s3put --members cut
ends
now "a producer that fails: the same"
{ cat whole.tar; exit 3; } | s3put --members failed | wc -l
printf '%s\n' "${PIPESTATUS[*]}"
s3put --members failed2 -- sh -c 'cat whole.tar; exit 3' | wc -l
now "a long one goes in parts, and so does what a command makes of it"
head -c 12M /dev/zero >t/long
touch -d '2024-01-01 00:00:00Z' t/long
tar c --format=pax --sort=name -C t hello long z | s3put --members long --part-size 5M | jq -c '[.key, .size, .parts, .member.md5]'
tar c --format=pax --sort=name -C t hello long z | s3put --members xlong --part-size 5M --through 'tr "\\0" x | head -c 11M' | jq -c '[.key, .size, .parts, .member.size]'
tar c --format=pax --sort=name -C t hello long z | s3put --members ylong --part-size 5M --through 'head -c 6M; exit 4' | wc -l
printf '%s\n' "${PIPESTATUS[*]}"
now "through a command; and one that fails for some"
tar c --format=pax --sort=name -C t a hello | s3put --members secret --through 'tr a-y b-z' | shown
s3get --raw -k secret/hello
# shellcheck disable=SC2016 # for the shell that s3put runs
tar c --format=pax --sort=name -C t a hello | s3put --members half --through 'case $S3PIPES_KEY in */hello) exit 3; esac; cat' | wc -l
printf '%s\n' "${PIPESTATUS[*]}"
now "only the metadata"
chmod 600 t/hello
touch -d '2001-01-01 00:00:00Z' t/hello
mkdir empty
( cd t && cp -a --attributes-only --parents hello a/numbers z "$PWD/../empty" )
: >empty/new
tar c --format=pax --sort=name -C empty hello a/numbers z new | s3put --members ember --metadata-only >restated
ends
jq -c '[.key, .size, .member.perm_mode, .member.mtime, .member.size, .member.md5]' restated
s3get -k ember/hello
echo longer >t/z
tar c --format=pax -C t z | s3put --members ember --metadata-only
ends
chmod 755 t/long
tar c --format=pax -C t long | s3put --members long --metadata-only --part-size 5M | jq -c '[.key, .size, .parts, .member.perm_mode]'
s3get --members long --only long/long | tar x
stat -c '%n %a %s %y' long
cmp long t/long && echo same
now "wrong calls"
s3put --members / </dev/null
s3put --members x --resume </dev/null
s3put --through cat home 0 </dev/null
s3put --members x home 0 </dev/null
s3put --members x -k y </dev/null
s3put --members x --meta mtime-ns=1 </dev/null
s3put --members x -n
ends
