# needs: faketime svnadmin svnlook svn
# Real repositories: a full dump, and differences of what is new since; each of a folder by itself.

. "$CASES/lib.sh"
. "$CASES/s3napback/lib.sh"
s3put -q --make-bucket
mkdir repos
for name in calc 'paint box'; do
    svnadmin create "repos/$name"
    svn -q mkdir -m 'begin' "file://$PWD/repos/$name/trunk"
done
mkdir repos/not-one
{
    start
    cat <<END
<Cycle>
    Diffs 3
    Fulls 2
    SubversionDir $PWD/repos
</Cycle>
END
} >conf
# commit NAME TEXT
commit() {
    rm -rf copy
    svn -q checkout "file://$PWD/repos/$1/trunk" copy
    echo "$2" >>copy/file
    svn -q add --force copy/file
    svn -q commit -m "$2" copy
}
# day DATE
day() {
    clock "$1"
    napback -d | sed "s,$PWD,SCRATCH/desk,g"
}
day 2026-03-01
now 'one has something new'
commit calc two
day 2026-03-02
now 'the other one'
commit 'paint box' two
commit calc three
day 2026-03-03
now 'a cycle is complete'
commit calc four
day 2026-03-04
commit calc five
day 2026-03-05
now 'restored'
for name in calc 'paint box'; do
    s3napback -q -c conf restore "$PWD/repos/$name" -C "back/$name"
    cmp <(svnadmin dump -q "repos/$name") <(svnadmin dump -q "back/$name") && echo 'the same'
done
now 'as it was two days before'
s3napback -q -c conf restore "Subversion$PWD/repos/calc" --at 2026-03-03 -C back/then
svnlook youngest back/then
now 'a stream for svnadmin load'
svnadmin create back/loaded
s3napback -q -c conf restore "$PWD/repos/calc" | svnadmin load -q back/loaded
cmp <(svnadmin dump -q repos/calc) <(svnadmin dump -q back/loaded) && echo 'the same'
now 'not into one that holds something'
s3napback -q -c conf restore "$PWD/repos/calc" -C repos/calc
ends
now 'another repository in its place'
rm -r repos/calc
svnadmin create repos/calc
commit_first() { svn -q mkdir -m 'begin' "file://$PWD/repos/calc/trunk"; }
commit_first
day 2026-03-06
now 'one that is broken'
echo junk >'repos/paint box/format'
day 2026-03-07 2>&1 | sed 's/^svn[a-z]*: E[0-9]*:.*/svn: .../'
