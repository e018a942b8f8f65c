# -d lets older backups go, but nothing that the newest one needs, nothing that was the newest one lately, and nothing that
# is of another name or no backup.

. "$CASES/lib.sh"
. "$CASES/s3backup/lib.sh"
s3put -q --make-bucket
quick_ini
mkdir src other out bin
# The recipe asks `date` for names. The server's clock is changed in its records.
cat >bin/date <<'END'
#!/bin/bash
[[ -n ${DAY:-} && $* == *%H%M%SZ ]] && echo "$DAY" || exec /bin/date "$@"
END
chmod +x bin/date
# back_up DAY NAME [OPTION]...: as if it had been then
back_up() {
    DAY=2019-01-$1T120000Z PATH=$PWD/bin:$PATH s3backup -q -c -n "$2" -f "$2" -a backup "${@:3}"
    local record="$BUCKET_DIR/.s3pipes/meta/$here:$2:0:2019-01-$1T120000Z%o"
    jq -c --arg time "2019-01-$1T12:00:00.000Z" '.modified = $time' "$record" >changed && mv changed "$record"
}
noise 1 12000000 >src/first
noise 2 100000 >other/file
back_up 01 src
back_up 01 other
back_up 02 other
s3put -q -k 0123456789abcdef0123456789abcdef <other/file >/dev/null
noise 3 12000000 >src/first
back_up 02 src --full
echo 'second' >src/second
back_up 03 src
s3backup -a list | plain

rm src/second
now 'simulated'
plainly s3backup -f src -a backup -cds -n src
now 'the first one goes; the second has chunks of the newest, and the third was the newest until now'
plainly s3backup -f src -a backup -cd -n src
s3ls -q -a -0 | tr '\0' '\n' | plain
now 'all that stays can be restored'
for key in $(keys); do
    mkdir "out/$key"
    s3backup -q -c -f "out/$key" -a restore -m "$key" || echo "not $key"
done
diff -r src "out/$(keys | grep :src: | tail -n 1)" && echo same
cat out/*03T*/second
s3ls -a | grep -c 0123456789abcdef
