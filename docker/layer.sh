#!/bin/sh
# layer.sh FROM TO [LAYERS]: moves FROM to its place TO below LAYERS/NAME (LAYERS is /layer, NAME the last part of
# TO). A layer of the image is copied from there as it is: COPY --link --from=STAGE /layer/NAME /
#
# The one rule for what the image holds, wherever it comes from (a checkout under any umask, npm, a compiler):
# all is root's, folders are 0755, files 0755 where anyone may execute them, else 0644, and all times are 1970.
# So the same content is the same layer, on every machine and for every commit. The folders above TO are part
# of it: BuildKit would give them the commit's time.
set -eu

layer=${3:-/layer}/${2##*/}
mkdir -p "$layer${2%/*}"
mv "$1" "$layer$2"
chown -R --no-dereference 0:0 "$layer"
# Five digits: with four a folder keeps its set-group-ID bit.
find "$layer" -type d -exec chmod 00755 {} +
find "$layer" -type f -perm /111 -exec chmod 00755 {} +
find "$layer" -type f ! -perm /111 -exec chmod 00644 {} +
find "$layer" -exec touch --no-dereference --date=@0 {} +
