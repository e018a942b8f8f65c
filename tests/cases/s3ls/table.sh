# on: file s3serve radosgw
# The table: by host, by file system, and then by level and date.

. "$CASES/lib.sh"
s3put -q --make-bucket
store() { s3put -q --date 2019-11-30 "$@" | jq -r .key; }
here=$(uname -n)
here=${here%%.*}
# This machine's name is whatever it is.
list() { s3ls "$@" 2>&1 | sed "s/\<$here\>/HERE/"; echo "exit ${PIPESTATUS[0]}"; }

now 'nothing yet'
list

head -c 22544384 /dev/zero | store --host ember / 0
head -c 14336 /dev/zero | store --host ember / 1
head -c 1024 /dev/zero | store --host ember 'photos, all' 0
head -c 1025 /dev/zero | store --host ember 'photos, all' 12
echo 'another host' | store --host attic /home 0

now 'dumps of this host, of which there are none'
list -q
now 'dates in the names that the server does not bear out are remarked upon'
s3ls --host ember 2>&1 >/dev/null | sed 's/NOW/now/'
echo 'here' | store /home 0 | sed "s/^$here/HERE/"

now 'this host, another one, all; one file system'
list -q
list -q --host ember
list -q -a
list -q --host ember /
list -q -a /home 'photos, all'
list -q --host ember /home

now 'what is not a dump is shown apart'
echo 'a note' | s3put -q -k notes.txt | jq -r .key
echo 'a note' | s3put -q -k 'dir/ü' | jq -r .key
echo 'a note' | s3put -q -k 'ember:/home:full:2019-11-30' | jq -r .key
list -q --host ember

now 'a reader that has seen enough is no error'
s3ls -q -a | head -n 1 | sed "s/$here/HERE/"
echo "exit ${PIPESTATUS[0]}"
