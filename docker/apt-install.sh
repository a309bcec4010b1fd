#!/bin/sh
# apt-install.sh [--any-age] PACKAGE...: installs Debian packages in a stage of docker/Dockerfile. What apt
# downloads and remembers is kept in /var/cache/apt, a cache mount.
#
# --any-age: take an index of packages that is older than it says it is valid, as a mirror of Debian testing
# may have for some days.
set -eu

check_valid_until=true
if [ "$1" = --any-age ]; then
    check_valid_until=false
    shift
fi
# The official images empty apt's cache after each call, which would empty the cache mount.
rm -f /etc/apt/apt.conf.d/docker-clean
state=/var/cache/apt/state
mkdir -p "$state/lists/partial"
apt-get --option "Dir::State=$state" --option "Acquire::Check-Valid-Until=$check_valid_until" update
apt-get --option "Dir::State=$state" install --yes --no-install-recommends "$@"
