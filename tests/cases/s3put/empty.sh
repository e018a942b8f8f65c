# on: file s3serve
# Nothing at all is what a producer that failed to start leaves; it is no backup.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

name=(--host ember --date "$day")

printf '' | s3put "${name[@]}" /home 0
ends
s3ls --host ember
ends

now 'told to, it stores nothing as something'
printf '' | s3put "${name[@]}" --allow-empty /home 0
ends
s3get --host ember /home 0 | wc -c
s3get --host ember --verify /home 0
ends
