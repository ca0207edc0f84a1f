//go:build race

package fallback

// underRace says whether the race detector is on: it makes everything ten times
// slower, so matrices are sampled then. The test script runs them whole without it.
const underRace = true
