# Options before the command as ever, and after it where nobody can misunderstand; everything else is a wrong call.

. "$CASES/lib.sh"
. "$CASES/s3dump/lib.sh"
s3put -q --make-bucket
try() {
    echo "$ s3dump $*"
    echo 'data' | s3dump "$@"
    ends
}
stored() { s3ls -q -a -0 | tr '\0' '\n'; }

{
now 'options after the command'
try dump -q -h ember one 0
try dump two -h ember -q 0
try dump three 0 -qh ember
try -h ember dump -q -w "$day1" four 0
try -q dump -k five
now 'where the words make sense without options, they are no options: so it was, so it stays'
try -q -h ember dump -q 0
try -h ember -q dump -- -q 1
stored

now 'wrong calls'
try
try -q
try archive /home 0
try dump
try dump /home
try dump /home 0 more
try -k key dump /home 0
try -z dump /home 0
try --force dump /home 0
try -h
try dump /home 0 -w
try dump /home full
try dump a:b 0
try -h a/b dump /home 0
try -w yesterday dump /home 0
try -L fast dump /home 0
try list /home
try init now
try clean
try clean all
try clean 0
try clean -3
try -y clean -1
try restore /home
try getacl
try putacl /home
stored

now 'help'
s3dump --help | head -n 1
ends
s3dump dump --help | cmp - <(s3dump --help)
ends
} 2>&1 | plainly
