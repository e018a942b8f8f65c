# on: file s3serve
# needs: xz lz4 gpg gpgconf pv mbuffer
# What people put into the line before s3dump and after it: compressors, encryption, meters and buffers.

. "$CASES/lib.sh"
. "$CASES/s3dump/lib.sh"
s3put -q --make-bucket
set -o pipefail
tree home
export GNUPGHOME=$PWD/keys
trap 'gpgconf --kill all' EXIT
mkdir -m 700 keys
echo 'correct horse battery staple' >passphrase
gpg() { command gpg --quiet --batch --no-tty --pinentry-mode loopback --passphrase-file passphrase "$@"; }
meter() { pv -q; }
buffer() { mbuffer -q -m 4M; }

# there_and_back NAME BEFORE AFTER: dumps through BEFORE, restores through AFTER, and compares
there_and_back() {
    now "$1"
    pack home | eval "$2" | s3dump -q -h ember -w 2019-11-30 dump "$1" 0
    echo "exit ${PIPESTATUS[*]}"
    mkdir "with-$1"
    s3dump -q -h ember -w 2019-11-30 restore "$1" 0 | eval "$3" | tar -C "with-$1" -xpf -
    echo "exit ${PIPESTATUS[*]}"
    pack "with-$1" | cmp - <(pack home) && echo same
}
there_and_back xz 'xz -c' 'xz -dc'
there_and_back lz4 'lz4 -c' 'lz4 -dc'
there_and_back gpg 'gpg -c' 'gpg -d'
there_and_back pv meter meter
there_and_back mbuffer buffer buffer
there_and_back all 'meter | lz4 -c | gpg -c | buffer' 'buffer | gpg -d | lz4 -dc | meter'

now 'what is stored is what went through the line'
s3get --host ember --date 2019-11-30 xz 0 | xz -t && echo 'xz'
s3get --host ember --date 2019-11-30 lz4 0 | lz4 -t 2>/dev/null && echo 'lz4'
s3get --host ember --date 2019-11-30 pv 0 | cmp - <(pack home) && echo 'the tar stream itself'
s3get --host ember --date 2019-11-30 gpg 0 | gpg -d | cmp - <(pack home) && echo 'gpg'
s3ls -q -0 --host ember | tr '\0' '\n'
