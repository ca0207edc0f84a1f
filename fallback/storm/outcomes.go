package storm

import "slices"

func failed(list []Outcome) []Outcome {
	return slices.DeleteFunc(slices.Clone(list), func(o Outcome) bool { return o.OK })
}

// row counts the newest outcomes that are alike.
func row(list []Outcome, ok bool) int {
	n := 0
	for i := len(list) - 1; i >= 0 && list[i].OK == ok; i-- {
		n++
	}
	return n
}

// inRow counts the different parties of the newest outcomes that are alike.
func inRow(list []Outcome, ok bool) int { return different(list[len(list)-row(list, ok):]) }

func different(list []Outcome) int {
	seen, n := map[string]bool{}, 0
	for _, o := range list {
		if o.By == "" || !seen[o.By] {
			n++
		}
		seen[o.By] = true
	}
	return n
}
