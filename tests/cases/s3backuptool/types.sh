# on: file s3serve
# needs: sqlite3 jq
# What was a file becomes a folder, a link, and back. Of the old object nothing stays that could come back in a restore: the
# original tried to copy a key that wasn't there, and left links for ever.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src 'max_delete = 90%'
tool initdb
{
# restored: what a restore of what is stored gives
restored() {
    rm -rf out
    mkdir out
    tool -q restore --yes --to out --source s3
    ends
    same src "out$PWD/src"
}

mkdir src/folder
echo 'inside' >src/folder/inside
echo 'file' >src/file
ln -s file src/link
ln -s nowhere src/gone
now 'a file, a folder, two links'
tool -q backup
stored
now 'a deleted link is deleted'
rm src/gone
tool -q backup
ends
stored
now 'each becomes another'
rm -r src/folder src/file src/link
echo 'now a file' >src/folder
mkdir src/link
echo 'in what was a link' >src/link/inside
ln -s link src/file
tool -q backup
ends
stored
restored
now 'and again'
rm -r src/folder src/file src/link
ln -s elsewhere src/folder
mkfifo src/file
echo 'now a file' >src/link
tool -q backup
ends
stored
restored
now 'a link that leads elsewhere'
ln -sfn another src/folder
tool -q backup
ends
restored
readlink "out$PWD/src/folder"
rows 'filetype, symlink_target, s3key'
} 2>&1 | sed "s,$PWD,HERE,g"
