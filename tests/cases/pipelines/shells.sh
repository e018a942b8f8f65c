# needs: dash zsh busybox
# The line is the same in every shell.

. "$CASES/lib.sh"
s3put -q --make-bucket
tree home
for shell in sh bash dash zsh 'busybox sh'; do
    $shell -c 'tar -C home -cf - . | gzip | s3put -q --host ember --date 2019-11-30 "$1" 0 | jq -r .key' "$shell" "by $shell"
    $shell -c 's3get --host ember --date 2019-11-30 "$1" 0 | gzip -d | tar -df - -C home && echo same' "$shell" "by $shell"
done
