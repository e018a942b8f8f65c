# A name that could not be told apart from another one is refused before anything is read or stored.

. "$CASES/lib.sh"
s3put -q --make-bucket

host=ember
try() {
    echo "$ s3put --host $host $*"
    echo 'data' | s3put --host "$host" --date 2019-11-30 "$@" >receipt
    ends
}

try 'two words' 0
try '/srv/a b/ü' 12
try a:b 0
try '' 0
try $'a\tb' 0
try /home -1
try /home full
try /home 99999999999
host=a:b
try /home 0
host=a/b
try /home 0
host=''
try /home 0
host=ember
try "$(printf '%01020d' 7)" 0 2>&1 | sed "s/0\{100,\}/0.../"

now 'dates are days, or seconds in UTC'
when() {
    echo "$ --date $1"
    echo 'data' | s3put --host ember --date "$1" dates 0 | jq -r .key
    echo "exit ${PIPESTATUS[1]}"
}

when 2024-02-29
when 2019-11-30T235959Z
when 2023-02-29
when 2026-1-1
when 20261120
when 2019-11-30T23:59:59Z
when yesterday

s3ls -q -a -0 | tr '\0' '\n'
