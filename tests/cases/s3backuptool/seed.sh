# on: file s3serve radosgw
# needs: sqlite3 jq openssl python3
# What s3backuptool.py has stored, made here as it made it: listed, restored, taken over.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src 'encrypt = False' 'encrypt_password = old password' 'max_delete = 90%'

# original KEY TYPE MODE SIZE ENCRYPTED ENCODED PATH [NAME=VALUE...]: standard input, as the original stored it
original() {
    local key=$1 type=$2 mode=$3 size=$4 encrypted=$5 encoded=$6 path=$7 meta=() one
    shift 7
    for one in "filepath=$path" "uid=$(id -u)" "gid=$(id -g)" "perm_mode=$mode" "filetype=$type" "size=$size" mtime=1480000000 \
        ctime=1480000001 "encrypted=$encrypted" "filename_encoded=$encoded" "$@"; do
        meta+=(--meta "$one")
    done
    s3put -q --commit always --allow-empty "${meta[@]}" -k "$key" >/dev/null
}
# container PASSWORD: 8 bytes of size, 16 of IV, 32 of salt, AES-256-CBC padded with blanks
container() {
    python3 -c '
import hashlib, os, struct, subprocess, sys
data, iv, salt = sys.stdin.buffer.read(), os.urandom(16), os.urandom(32)
key = hashlib.pbkdf2_hmac("sha1", sys.argv[1].encode(), salt, 5000, 32)
sealed = subprocess.run(["openssl", "enc", "-aes-256-cbc", "-nopad", "-K", key.hex(), "-iv", iv.hex()],
    input=data + b" " * (-len(data) % 16), stdout=subprocess.PIPE, check=True).stdout
sys.stdout.buffer.write(struct.pack("<Q", len(data)) + iv + salt + sealed)' "$1"
}
old=$PWD/src
{
: | original "src$old/dir/" dir 040750 4096 False False "$old/dir"
printf 'plain\n' | original "src$old/dir/plain" file 0100640 6 False False "$old/dir/plain"
printf 'with a sum\n' | original "src$old/sum" file 0100644 11 False False "$old/sum" "md5=$(printf 'with a sum\n' | md5sum | cut -c1-32)"
: | original "src$old/link.SYMLINK" symlink 0120777 5 False False "$old/link" symlink_target=dir/plain
printf 'umlaut\n' | original "src$old/grö%41e" file 0100644 7 False True "$old/gr\\xf6%41e"
seq 5000 | container 'old password' | original "src$old/sealed" file 0100600 23893 True False "$old/sealed" "md5=$(seq 5000 | md5sum | cut -c1-32)"
printf '' | container 'old password' | original "src$old/empty" file 0100600 0 True False "$old/empty"
printf '0123456789abcdef' | container 'old password' | original "src$old/block" file 0100600 16 True False "$old/block"
echo 'a stranger' | s3put -q -k "src$old/stranger" >/dev/null
echo 'another section' | s3put -q -k "src2$old/other" >/dev/null

now 'listed'
tool list_remote
ends
now 'restored, without a database'
tool initdb
tool restore --yes --to out
ends
(cd "out$old" && find . -mindepth 1 -printf '%P %y %m %Ts %l\n' | LC_ALL=C sort)
cat "out$old/dir/plain" "out$old/grö%41e" "out$old/block"
seq 5000 | cmp - "out$old/sealed" && echo 'the same numbers'
now 'a wrong password, where there is a sum'
rm -r out/*
sed 's/old password/new password/' conf >wrong.conf
chmod 600 wrong.conf
# Two programs speak here, in either order.
s3backuptool -c wrong.conf -q restore --yes --to out --only "$old/sealed" 2>said
ends
sort said
find out -type f
now 'the database'
tool syncdb_remote
ends
rows 'filetype, perm_mode, size, mtime, encrypted, symlink_target, filepath'

now 'a database that the original made, and the tree as it is'
tool restore --yes --to out >/dev/null 2>&1
rm -r src db/*
mv "out$old" src
touch -h -d @1480000000 src/*
sqlite3 db/src.db 'CREATE TABLE files(filepath text, uid text, gid text, perm_mode text, md5 text, filetype text, size text,
    symlink_target text, mtime text, ctime text, encrypted text , PRIMARY KEY(filepath))'
sql() { sqlite3 db/src.db "INSERT INTO files VALUES('$old/$1', '$(id -u)', '$(id -g)', '$2', '', '$3', '$4', '$5', '1480000000', '1480000001', '$6')"; }
sql dir 040750 dir 4096 '' 0
sql dir/plain 0100640 file 6 '' 0
sql sum 0100644 file 11 '' 0
sql link 0120777 symlink 5 dir/plain 0
sql 'grö%41e' 0100644 file 7 '' 0
sql sealed 0100600 file 23893 '' 1
sql empty 0100600 file 0 '' 1
sql block 0100600 file 16 '' 1
now 'only the top folder is new: the original has no object of it'
tool backup
ends
tool stats | sed '$d'
now 'what changes is stored anew, in its place'
echo 'changed' >src/dir/plain
rm src/link
chmod 600 src/sum
touch -d @1480000000 src/dir src
tool backup
ends
stored
now 'old and new, together'
rm -r out
mkdir out
tool restore --yes --to out --source s3
ends
same src "out$old"

now 'one file by hand'
s3get -q -k "src$old/sealed" >sealed
mkdir plain
printf '%s\n' sealed plain 'old password' | s3backuptool quick_decrypt
ends
seq 5000 | cmp - plain/sealed && echo 'the same numbers'
} 2>&1 | sed "s,$PWD,HERE,g"
