//go:build !race

package main

// underRace says whether the race detector is on.
const underRace = false
