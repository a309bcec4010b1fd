#!/bin/sh
# system.sh STAMP: what is left to do on Debian after the packages: the service's user and folders, and no trace
# of the time and the way of the installation. What was changed after the file STAMP gets the time 1970, as in
# layer.sh; the packages' owners and modes stay.
set -eu

# Logs, a cache that the loader reads only when it is made again, and copies of files before the last change.
rm -rf /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/debconf/*-old \
    /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
# /etc/shadow has the day on which a user was made: without this variable it is today.
export SOURCE_DATE_EPOCH=0
groupadd --gid 10001 mentator
useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin mentator
install -d -m 0755 /opt/mentator /opt/mentator-llm-service /opt/mentator-llm-service/default-models
# Group 0 owns the data folder too: platforms that pick an arbitrary uid keep gid 0.
install -d -m 2775 -o 10001 -g 0 /opt/mentator-llm-service/data
find / -xdev -cnewer "$1" -exec touch --no-dereference --date=@0 {} +
