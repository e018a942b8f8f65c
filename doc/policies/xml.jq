# Turns a document of this folder into the XML that the S3 API takes, as the program aws does. Lists there have no
# element of their own: each item is named in the singular.
def escaped: tostring | gsub("&"; "&amp;") | gsub("<"; "&lt;");
def element($name):
  if type == "array" then map(element($name | rtrimstr("s"))) | add
  else "<\($name)>" + (if type == "object" then to_entries | map(.key as $key | .value | element($key)) | add else escaped end) + "</\($name)>"
  end;
element(if has("Rules") then "LifecycleConfiguration" else "ObjectLockConfiguration" end)
