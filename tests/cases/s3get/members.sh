# on: file s3serve radosgw
# needs: jq setfattr setfacl
. "$CASES/lib.sh"
s3put -q --make-bucket

# seen DIR: all that find knows of what is in it, and its bytes
seen() {
    ( cd "$1" && find . -printf '%P %y %m %U %G %s %T@ %l %n\0' | LC_ALL=C sort -z | tr '\0\n' '\n?'
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum -z | tr '\0\n' '\n?' )
}

tree t
ln t/hello t/a/zweit
ln t/hello t/AAA
mkfifo t/fifo
echo odd >$'t/\xff \\ '
echo odd >'t/  blanks  '
echo odd >'t/é=?x'
ln -s $'to a line\nfeed' t/odd
truncate -s 9M t/holes
printf 'in it' | dd of=t/holes bs=4096 seek=1000 conv=notrunc status=none
head -c 9M /dev/zero >t/big
: >"t/$(printf 'n%.0s' {1..250})"
chmod 4711 t/hello
find t -exec touch -h -d '1999-01-02 03:04:05.060708090Z' {} +
touch -d '1960-01-02 03:04:05.5Z' t/hello
setfattr -n user.note -v "$(printf 'v%.0s' {1..3000})" t/hello || echo "SKIPPED: no extended attributes here"
setfacl -m u:1234:rx t/a || echo "SKIPPED: no ACLs here"

now "a tree comes back as it was"
tar c --format=pax --xattrs --acls --sparse --sort=name -C t . | s3put -q --members ember/t | wc -l
mkdir back
s3get --members ember/t | tar x --xattrs --acls --sparse -C back --same-owner -p
ends
cmp <(seen t) <(seen back) && echo same
tar c --format=pax --xattrs --acls --sparse -C t . | tar d --xattrs --acls -C back && echo same
[ "$(getfattr -n user.note --only-values back/hello | wc -c)" = 3000 ] && getfacl -cp back/a
[ "$(stat -c %b back/holes)" -lt 100 ] && echo sparse
now "nothing of it is written with --verify"
s3get --members ember/t --verify | wc -c
now "some of it: a directory; single ones; those whose keys come"
s3get --members ember/t --only ember/t/a/ | tar t
s3get --members ember/t --only ember/t/AAA --only ember/t/fifo.FIFO | tar t
printf 'ember/t/a/\nember/t/a/numbers\n' | s3get --members ember/t --only - | tar t
now "another name of a file that isn't wanted itself has its bytes; a third is a link to it"
s3get --members ember/t --only ember/t/hello.HARDLINK --only ember/t/a/zweit.HARDLINK | tar xO
s3get --members ember/t --only ember/t/hello.HARDLINK --only ember/t/a/zweit.HARDLINK | tar tv | sed 's/.*:.. //'
now "what was sealed comes back through a command, or not at all"
tar c --format=pax --sort=name -C t hello big | s3put -q --members sealed --through 'tr a-y b-z' | wc -l
s3get --members sealed | tar t
printf '%s\n' "${PIPESTATUS[*]}"
s3get --members sealed --through 'tr b-z a-y' | tar xO | cmp - <(cat t/big t/hello) && echo same
s3get --members sealed --through cat | tar t
printf '%s\n' "${PIPESTATUS[*]}"
s3get --members sealed --through 'tr b-z a-y; exit 2' 2>said | tar t >/dev/null 2>&1
printf '%s\n' "${PIPESTATUS[*]}"
cat said
now "no name is a link to one that is left out"
tar c --format=pax -C t AAA hello a/zweit | s3put -q --members linked --through 'tr a-y b-z' | wc -l
s3get --members linked | tar t
printf '%s\n' "${PIPESTATUS[*]}"
s3get --members linked --through cat | tar t
printf '%s\n' "${PIPESTATUS[*]}"
now "members of s3backuptool, and what is no member"
seeds() { s3put -q -k "$1" --allow-empty --meta filepath="$2" --meta uid=1 --meta gid=2 --meta perm_mode="$3" --meta filetype="$4" --meta size=3 --meta mtime=1000000000 --meta ctime=1000000001 --meta encrypted=False --meta filename_encoded="$5" "${@:6}" >/dev/null; }
seeds old/home/ /home 040755 dir False </dev/null
printf 'yes' | seeds old/home/x '/home/\u0436\xe9' 0100640 file True
seeds old/home/l.SYMLINK /home/l 0120777 symlink False --meta symlink_target=x </dev/null
seeds old/etc/passwd /etc/../../passwd 0100640 file False <<<no
echo foreign | s3put -q -k old/readme >/dev/null
echo other | s3put -q -k older/readme >/dev/null
s3get --members old | tar tv --numeric-owner --quoting-style=escape
printf '%s\n' "${PIPESTATUS[*]}"
now "what is not there, or a link to it"
s3get --members old --only old/none | tar t
printf '%s\n' "${PIPESTATUS[*]}"
s3get --members none | tar t
s3get --members old --only older/readme
ends
s3get --only old/x home 0 | cat
