# needs: gzip bzip2 xz lz4 zstd
# Compressors stand in the line as ever.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
s3put -q --make-bucket
tree home

for program in gzip bzip2 xz lz4 zstd; do
    pack home | "$program" -c | s3put -q --host ember --date 2019-11-30 "home.tar.$program" 0 | jq -r .key
    mkdir "with-$program"
    s3get --host ember --date 2019-11-30 "home.tar.$program" 0 | "$program" -dc | tar -C "with-$program" -xpf -
    echo "exit ${PIPESTATUS[*]}"
    pack "with-$program" | cmp - <(pack home) && echo same
    s3get --host ember --date 2019-11-30 "home.tar.$program" 0 | "$program" -t >/dev/null 2>&1
    ends
done
