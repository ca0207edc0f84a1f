package home

import (
	"slices"
	"strings"
)

var ruleCheckout = Rule{
	ID: "checkout", Refuses: "`actions/checkout` with inputs other than `clean`, `fetch-depth`, `fetch-tags`, `persist-credentials`, `set-safe-directory`, `show-progress`",
	Why: "act copies the run's own commit in its stead, and passes over the rest; another repository or ref is GitHub's to give",
}

// checkoutInputs are those that a copy of the tree satisfies.
var checkoutInputs = []string{"persist-credentials", "fetch-depth", "fetch-tags", "clean", "show-progress", "set-safe-directory"}

// checkout says whether it is the one action that need be neither pinned nor
// cached, since act never runs it. act takes it for that whatever its folder.
func (j *judge) checkout(u use, repo, dir string) bool {
	if !strings.EqualFold(repo, "actions/checkout") {
		return false
	}
	if repo != "actions/checkout" || dir != "." {
		j.refuse(&ruleCheckout, u.place, "%s of job %s is not how act knows the checkout", show(u.text), showName(u.job))
	}
	slices.Sort(u.with)
	for _, in := range u.with {
		if !slices.Contains(checkoutInputs, in) {
			j.refuse(&ruleCheckout, u.place, "the input %s of the checkout of job %s is passed over there", showName(in), showName(u.job))
		}
	}
	return true
}
