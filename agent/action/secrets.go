package action

import (
	"bytes"
	"slices"
	"strings"
)

const (
	// minSecret is the shortest value, in bytes, that is looked for in the
	// output: replacing every "1" or "on" would hide the output, not a secret.
	minSecret = 4
	redacted  = "[redacted]"
)

// secrets lists what must not appear in an output: each value, each line of one
// with several (a key in PEM form is often printed line by line), and the
// value's encoded forms. PATH is ours and no secret.
func secrets(env map[string]string) [][]byte {
	seen := map[string]bool{}
	for name, value := range env {
		if name == "PATH" && value == SearchPath {
			continue
		}
		value = strings.TrimSpace(value)
		if len(value) < minSecret {
			continue
		}
		for _, s := range slices.Concat([]string{value}, strings.Split(value, "\n"), encoded(value)) {
			if s = strings.TrimSpace(s); len(s) >= minSecret {
				seen[s] = true
			}
		}
	}
	all := make([][]byte, 0, len(seen))
	for s := range seen {
		all = append(all, []byte(s))
	}
	return all
}

// needles are secrets by their first minSecret bytes, longest first, so that an
// output is looked through once, however many secrets there are.
type needles struct {
	byStart map[[minSecret]byte][][]byte
	short   map[string]bool // beginnings of fewer bytes
}

func index(secrets [][]byte) needles {
	n := needles{byStart: map[[minSecret]byte][][]byte{}, short: map[string]bool{}}
	for _, s := range secrets {
		start := [minSecret]byte(s)
		n.byStart[start] = append(n.byStart[start], s)
		for i := 1; i < minSecret; i++ {
			n.short[string(s[:i])] = true
		}
	}
	for _, list := range n.byStart {
		slices.SortFunc(list, func(a, b []byte) int { return len(b) - len(a) })
	}
	return n
}

// at gives the length of the longest secret with which text begins, 0 for none,
// and whether all of text may be the beginning of a longer one.
func (n needles) at(text []byte) (length int, open bool) {
	if len(text) < minSecret {
		return 0, n.short[string(text)]
	}
	for _, s := range n.byStart[[minSecret]byte(text)] {
		if len(s) > len(text) {
			open = open || bytes.HasPrefix(s, text)
		} else if bytes.HasPrefix(text, s) {
			return len(s), open
		}
	}
	return 0, open
}
