# on: file s3serve radosgw
# GNU tar, a full dump and two incremental ones on top of each other; the chain says what to restore, in which order.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
s3put -q --make-bucket

# back_up LEVEL DATE: what changed since the dump one level below
back_up() {
    if [ "$1" -gt 0 ]; then cp "snar.$(($1 - 1))" "snar.$1"; fi
    tar -C home -g "snar.$1" -cf - . | s3put -q --host ember --date "$2" /home "$1" | jq -r .key
    cp -a home "home.$2"
}

# restore NEW_DIR [--at DATE]: the state of then
restore() {
    local new=$1 key
    shift
    mkdir "$new"
    s3ls -q --host ember --chain /home "$@" | while IFS= read -r key; do
        s3get -k "$key" | tar -C "$new" -x -p -g /dev/null -f -
        echo "restored $key"
    done
}

tree home
back_up 0 2019-01-01
echo 'changed' >home/hello
rm 'home/a/with space'
mkdir home/later
echo 'new' >home/later/file
back_up 1 2019-01-02
mv home/later home/renamed
rm -r home/empty
back_up 2 2019-01-03
echo 'changed again' >home/hello
back_up 1 2019-01-04

now 'the newest state'
restore newest
same home newest
now 'each state there was'
restore third --at 2019-01-03
same home.2019-01-03 third
restore second --at 2019-01-02
same home.2019-01-02 second
restore first --at 2019-01-01
same home.2019-01-01 first
