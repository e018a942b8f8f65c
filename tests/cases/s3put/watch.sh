# on: file s3serve
# The programs before s3put in the pipe: if one of them fails, nothing is stored.

. "$CASES/lib.sh"
sort -VC <<<"6.15"$'\n'"$(uname -r)" || { echo 'SKIPPED: this kernel is older than Linux 6.15'; exit; }
s3put -q --make-bucket
day=$(date +%F)

# More than fits into all pipes together: nobody can end before s3put has looked.
zeros() { head -c 3000000 /dev/zero; }
put() {
    s3put --host ember --date "$day" "$@" >receipt
    ends
    [ ! -s receipt ] || jq -c '[.size, .upstream]' receipt
}
script() {
    printf '#!/bin/sh\nhead -c 3000000 /dev/zero; %s\n' "$2" >"$1"
    chmod +x "$1"
}
script good 'exit 0'
script three 'exit 3'
script killed 'kill -9 $$'
printf '#!/bin/sh\ncat; exit 4\n' >four
chmod +x four
PATH=$PWD:$PATH

now 'all is well'
good | cat | put fine 0
yes | head -c 3000000 | put enough 0 -v
{ false; zeros; } | put group 0

now 'one fails, or two'
three | cat | put first 0
cat /dev/zero | head -c 3000000 | four | put last 0
three | four | put both 0
{ killed; } 2>/dev/null | cat | put killed 0
killed | cat | put killed 0
{ zeros; false; } | put group 1

now 'a status that is fine'
three | cat | put gone 0 --ok-status three:3
three | four | put gone 1 --ok-status 3
three | four | put gone 1 --ok-status three:3 --ok-status four:4

now 'what has to be known'
mkfifo empty
exec 3<>empty 4<empty 3>&-
head -c 3000000 /dev/zero <&4 | put policy 0 -v
head -c 3000000 /dev/zero <&4 | put policy 1 --commit clean
head -c 3000000 /dev/zero </dev/null | put policy 1 --commit clean
three | put policy 2 --commit not-failed
three | put policy 2 --commit always -v
put policy 3 --commit clean -- three
put policy 3 --commit always -- three
put policy 4 --commit always -- killed
exec 4<&-

now 'pipes that are no part of the line: tokens, such as those of make; and one that who started us keeps open'
mkfifo tokens kept
exec 3<>tokens
head -c 3000000 /dev/zero <tokens | put tokens 0 --commit clean
exec 3>&-
exec 3<>kept 4<kept 5>kept 3>&-
head -c 3000000 /dev/zero <&4 5>&- | put kept 0 -v
exec 4<&- 5>&-

now 'no pipe'
zeros >file
put file 0 --commit clean <file

now 'wrong calls'
put wrong 0 --commit <file
put wrong 0 --commit never <file

now 'only what was to be stored is there'
s3ls -j --no-checksum -a | jq -r .key
s3ls --uploads -a
ends
