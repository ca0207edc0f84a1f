#!/bin/sh
# The vetted action of the demo: it counts how often it ran.
echo "synchronised at $(date -u +%H:%M:%S)" >>"$(dirname "$0")/ran.log"
echo "git-sync: working copy is up to date"
