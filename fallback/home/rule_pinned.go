package home

import "regexp"

var rulePinned = Rule{
	ID: "pinned", Refuses: "an action that is not named by a full commit SHA; `actions/checkout` need not be",
	Why: "a tag means tomorrow what its owner, or a thief, makes of it",
}

var fullSHA = regexp.MustCompile(`\A[0-9a-fA-F]{40}\z`)

func (j *judge) pinned(u use, ref string) bool {
	if fullSHA.MatchString(ref) {
		return true
	}
	j.refuse(&rulePinned, u.place, "%s of job %s is not pinned to a full commit SHA", show(u.text), showName(u.job))
	return false
}
