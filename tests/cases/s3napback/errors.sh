# What is not understood is an error, with the number of its line; nothing in a configuration is ever run.

. "$CASES/lib.sh"
PATH=$(cd "$CASES/../../recipes" && pwd):$PATH
s3put -q --make-bucket
mkdir state

# try TEXT: with a configuration of two good lines before it
try() {
    printf '%b\n' "DiffDir $PWD/state\nHost ember\n$1" >conf
    s3napback -t -c conf >said 2>&1
    local code=$?
    head -n 1 said | grep . || echo 'nothing is said'
    [ $code = 100 ] || [ $code = 2 ] || echo "exit $code"
}

now 'what is not known'
try 'Directry /etc'
try '<Cycel>\n</Cycel>'
try 'Include /etc/other'
now 'what stands in the wrong place'
try 'Frequency 1'
try '<Cycle>\nBucket x\n</Cycle>'
try '<Directory /a>\nDirectory /b\n</Directory>'
try '<Cycle>\n<Cycle>'
try '</Cycle>'
try '<Directory /a>\n</Cycle>'
try '<Directory /a>\n</MySQL>'
try '<Cycle>\nDirectory /a'
try '<Directory /a>\n\n\n'
now 'values'
try 'Directory'
try 'Directory home'
try 'Directory /a/../b'
try 'Directory /a daily'
try 'Directory /a 1 2 3 4'
try 'Directory /a 0'
try 'Directory /a -1'
try '<Directory /a b>\n</Directory>'
try 'DiffDir /elsewhere'
try 'DiffDir'
try 'LogFile s3napback.log'
try '<Cycle>\nFrequency 1\nFrequency 2'
try '<Cycle>\nCycleType Spiral'
try '<Cycle>\nKeep daily'
try '<Cycle>\nKeep fortnightly 2'
try '<Cycle>\nKeep daily 7 weekly 0'
try '<Cycle>\nUseTempFile perhaps'
try 'Directory /a\nDirectory /b\nDirectory /a//'
now 'quotes'
try 'Directory "/a'
try "Directory '/a"
try '<Directory "/a>\n</Directory>'
try '<Directory /a\n</Directory>'
try '<Directory /a> Frequency 1\n</Directory>'
try 'Directory /a\001b'
now 'no password is let through to where everybody can read it'
try '<MySQL all>\nMySQLOptions -phidden'
try '<MySQL all>\nMySQLOptions --skip-lock-tables "--password=hidden"'
try '<PostgreSQL all>\nPostgreSQLOptions "--dbname=user=me password=hidden"'
try 'PostgreSQL postgres://me:hidden@db/shop'
try 'MySQL --all'
now 'both kinds of recipients'
try 'GpgRecipient a\nAgeRecipient b\nDirectory /a'
now 'no file'
s3napback -t -c nowhere
ends
s3napback -t -c state
ends
now 'no DiffDir, no bucket, nothing to do'
echo 'Directory /a' >conf
s3napback -t -c conf
ends
(unset S3_BUCKET; s3napback -t -c conf)
ends
printf 'DiffDir %s/none\nDirectory /a\n' "$PWD" >conf
s3napback -t -c conf
ends
: | s3napback -t
ends
now 'the command line'
for words in '-x' '-j 0' '-j' 'restore' 'restore a b' '-C x' 'list now'; do
    # shellcheck disable=SC2086 # words of a command
    s3napback -c conf $words 2>&1 | head -n 1
done

now 'a link is not what it points to'
mkdir real
ln -s real link
printf 'DiffDir %s/state\nDirectory %s/link\n' "$PWD" "$PWD" >conf
s3napback -c conf
ends

now 'names are only names'
# shellcheck disable=SC2016 # that is the point
mkdir -p 'odd/$(touch ran)' 'odd/;touch ran;' "odd/it's" 'odd/-rf *' 'odd/a:b' 'odd/100% ü' 'odd/"q" \'
{
    printf 'DiffDir %s/state\nHost ember\n' "$PWD"
    # shellcheck disable=SC2016
    printf 'Directory "%s"\n' "$PWD/odd/\$(touch ran)" "$PWD/odd/;touch ran;" "$PWD/odd/it's" "$PWD/odd/-rf *" "$PWD/odd/a:b" "$PWD/odd/100% ü" "$PWD/odd/\\\"q\\\" \\\\"
} >conf
for dir in odd/*/; do echo "in $dir" >"$dir/file"; done
s3napback -q -c conf
ends
ls ran 2>&1
s3ls --host ember -q -0 | tr '\0' '\n' | sed 's/T[0-9]*Z$/.../'
for dir in odd/*/; do
    s3napback -q -c conf restore "$PWD/${dir%/}" -C back
    echo "exit $?: $(cat "back$PWD/$dir/file")"
done
