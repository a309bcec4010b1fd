#!/bin/sh
# system.sh: what is left to do on Debian after the packages: the service's user and folders, and no logs of
# the installation, which differ each time.
set -eu

rm -rf /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/debconf/*-old
groupadd --gid 10001 mentator
useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin mentator
install -d -m 0755 /opt/mentator /opt/mentator-llm-service /opt/mentator-llm-service/default-models
# Group 0 owns the data folder too: platforms that pick an arbitrary uid keep gid 0.
install -d -m 2775 -o 10001 -g 0 /opt/mentator-llm-service/data
