# shellcheck shell=bash
# What the examples of the manual pages and of the README find: see examples.rs. $ROOT is their root directory.
set -eu
mkdir -p "$ROOT/bin" "$ROOT/home" "$ROOT/etc" "$ROOT/restore" "$ROOT/mnt/disk" "$ROOT/srv" "$ROOT/var/lib" "$ROOT/snap"
seq 1000 >"$ROOT/home/numbers"
echo secret >"$ROOT/etc/shadow"
seq 20000 >disk.img

# Stand-ins. The content of the first ones doesn't matter: they produce something, from file systems and servers that
# aren't here. The others pass something on both ways: they would want the keys of the people in the examples, and
# pipelines/gpg and s3dump/pipelines of tests/cases run the real gpg.
for name in dump mysqldump pg_dump btrfs zfs; do
    printf '#!/bin/sh\nexec seq 1000\n' >"$ROOT/bin/$name"
done
for name in gpg age; do
    printf '#!/bin/sh\nexec cat\n' >"$ROOT/bin/$name"
done
# shellcheck disable=SC2016 # for the script that is written
printf '#!/bin/sh\nshift\nexec "$@"\n' >"$ROOT/bin/ssh"
chmod +x "$ROOT/bin/"*

cat >"$ROOT/etc/backup.keys" <<END
server $AWS_ENDPOINT_URL_S3
bucket_name my-backups
access_key_id $AWS_ACCESS_KEY_ID
secret_access_key $AWS_SECRET_ACCESS_KEY
END

s3put -q -b "file://$ROOT/mnt/disk/backups" --make-bucket

# Dumps of this host and of another, levels 0 and 1, by names and by paths; and an image in pieces. What $EXAMPLE
# decompresses has been compressed.
case $EXAMPLE in
    *'zstd -d'*) compressor=zstd ;;
    *) compressor='cat' ;;
esac
store() { tar -C "$ROOT" -c home | "$compressor" | s3put -q "$@" >/dev/null; }
for fs in home "$ROOT/home"; do
    store --date 2024-10-27 "$fs" 0
    store --date 2024-10-30 "$fs" 1
done
store --date 2026-11-01 home 1
store --host mail --date 2026-11-01 home 0
# Where chunks are sealed there are keys, and a dump in chunks.
case $EXAMPLE in
    *s3seal*s3chunk* | *s3chunk*s3seal*)
        (umask 077 && s3seal -q --keygen >key.txt)
        sed -n 's,^# public key: ,,p' key.txt >recipients.txt
        tar -C "$ROOT" -c home | s3chunk -q --known home.known | s3seal -R recipients.txt |
            s3put -q --date 2026-11-02 home 1 | s3chunk --learn home.known >/dev/null
        ;;
esac
store -k disk.img.aa
store -k disk.img.ab
