# on: file s3serve radosgw
# A path that was something else before has two objects, and the newest of them counts.

. "$CASES/lib.sh"
s3put -q --make-bucket

# stored: stores the tree, over what is there
stored() { tar c --format=pax --sort=name -C t . | s3put -q --overwrite --members m | wc -l; }
# back: what comes of it
back() {
    rm -rf back && mkdir back
    s3get --members m "$@" | tar x -C back
    printf '%s\n' "${PIPESTATUS[*]}"
    ( cd back && find . -mindepth 1 -printf '%P %y %n %l\n' | LC_ALL=C sort )
}

mkdir -p t/was t/is
echo one >t/a
ln t/a t/b
ln -s a t/link
mkfifo t/x.FIFO t/pipe
echo inside >t/was/file
ln -s file t/was/both
echo before >t/becomes
stored
now "a link becomes a file, a file a directory, a directory a link, a pipe a file"
rm t/was/both
echo both >t/was/both
stored
rm -r t/b t/link t/was t/becomes t/pipe t/x.FIFO
echo two >t/b
echo three >t/link
ln -s is t/was
mkdir t/becomes
echo within >t/becomes/file
echo four >t/pipe
echo five >t/x.FIFO
stored
back
cat back/{a,b,link,pipe,x.FIFO,becomes/file}
now "each of them can be had by its key; of both at once nobody says which one is newer"
back --only m/was/file
back --only m/b.HARDLINK
cat back/b
back --only m/b --only m/b.HARDLINK
now "an object that is no member takes no place"
echo foreign | s3put -q -k m/was >/dev/null
back --only m/ | grep was
now "once they are deleted nothing is left to say"
for key in m/{b.HARDLINK,becomes,link.SYMLINK,pipe.FIFO,was,was/,was/both,was/both.SYMLINK,was/file,x.FIFO.FIFO}; do
    s3prune -q --delete --force -k "$key" >/dev/null
done
back | head -n 1
