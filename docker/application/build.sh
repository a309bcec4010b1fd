#!/bin/sh
# build.sh APPLICATION OUT: builds a copy of the application in the current folder, and copies what it needs
# to run to OUT. What a developer has installed or built there (node_modules, distjs) is left out.
set -eu

find "$1" -mindepth 1 -maxdepth 1 ! -name node_modules ! -name distjs \
    -exec cp -R --preserve=mode,timestamps -t . {} +
npm run buildjs
node "$(dirname -- "$0")/copy-files.mjs" . "$2"
