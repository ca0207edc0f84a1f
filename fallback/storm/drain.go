package storm

import (
	"cmp"
	"slices"
	"time"
)

// Held is a recovery that waited for a dependency.
type Held struct {
	ID   int64
	Repo int64
	// Line names what it stands in line with: of one line only the newest is
	// still wanted. "" stands for itself.
	Line string
	At   time.Time // of what it is about: a tick, a run
}

// Turn is when a recovery that was held goes on.
type Turn struct {
	ID    int64
	After time.Duration // from the end of the trouble
	// Behind is the newer one that has taken its place, 0 for none: it does not go on.
	Behind int64
}

// Drain gives each its turn: in a repository one at a time, gap apart, newest
// first. taken are the turns that were given in a repository before. The
// result stands in the order of the turns.
func Drain(held []Held, gap time.Duration, taken map[int64]int) []Turn {
	list := slices.SortedFunc(slices.Values(held), func(a, b Held) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID))
	})
	type line struct {
		repo int64
		name string
	}
	rank, first := map[int64]int{}, map[line]int64{}
	turns := make([]Turn, 0, len(list))
	for _, h := range list {
		l := line{h.Repo, h.Line}
		if newer := first[l]; h.Line != "" && newer != 0 {
			turns = append(turns, Turn{ID: h.ID, Behind: newer})
			continue
		}
		first[l] = h.ID
		turns = append(turns, Turn{ID: h.ID, After: time.Duration(taken[h.Repo]+rank[h.Repo]) * gap})
		rank[h.Repo]++
	}
	slices.SortStableFunc(turns, func(a, b Turn) int { return cmp.Compare(a.After, b.After) })
	return turns
}
