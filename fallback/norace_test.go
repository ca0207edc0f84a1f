//go:build !race

package fallback

const underRace = false
