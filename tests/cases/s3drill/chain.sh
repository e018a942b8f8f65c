# on: file s3serve
# A full dump and two incremental ones of GNU tar are restored on top of each other, checked, and it is written down.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
. "$CASES/s3drill/lib.sh"
s3put -q --make-bucket

# back_up LEVEL DATE
back_up() {
    if [ "$1" -gt 0 ]; then cp "snar.$(($1 - 1))" "snar.$1"; fi
    tar -C home -g "snar.$1" -cf - . | s3put -q --host ember --date "$2" home "$1" >/dev/null
}
tree home
back_up 0 2019-01-01
echo 'changed' >home/hello
rm 'home/a/with space'
back_up 1 2019-01-02
mkdir home/later
echo 'new' >home/later/file
rm -r home/empty
back_up 2 2019-01-03

cat >check <<'END'
#!/bin/bash
echo "checked in ${PWD##*/}: $S3DRILL_HOST $S3DRILL_FS $*"
diff -r --no-dereference . "$1"
END
chmod +x check
now 'it passes'
drill --host ember home -- "$PWD/check" "$PWD/home" 'two words'
ls room
cmp evidence.line state/s3pipes/s3drill/evidence && echo 'the same line is in the log'
bytes=$(jq .bytes evidence.line)
sum=$(jq -r '.dumps[2].sha256' evidence.line)
[[ $(s3get -q -k ember:home:2:2019-01-03 | sha256sum) == "$sum  -" ]] && echo 'the checksum is that of the stream'
[[ $(for key in 0:2019-01-01 1:2019-01-02 2:2019-01-03; do s3get -q -k "ember:home:$key"; done | wc -c) == "$bytes" ]] &&
    echo 'so is the number of bytes'

now 'the check fails'
echo 'changed after the dump' >home/hello
drill -q --host ember home -- "$PWD/check" "$PWD/home"
drill -q --host ember home -- false
drill -q --host ember home -- no-such-program
now 'an earlier state, to be looked at'
drill --host ember --at 2019-01-02 --keep --log mine home
ls -A room/*/*
cat room/*/restored/hello
cmp evidence.line mine
rm -r room/*
wc -l <state/s3pipes/s3drill/evidence
now 'dumps by their keys, in that order'
drill -q -k ember:home:0:2019-01-01 -k ember:home:1:2019-01-02 -- grep changed hello
now 'nothing to restore'
drill home
drill --host ember home --at 2018-12-31
drill -k nothing
ls room
