package home

import (
	"slices"
	"strings"
)

var ruleArtifact = Rule{
	ID: "artifact", Refuses: "the actions for artifacts, caches and Pages",
	Why: "there is no such server at home; act's own has had holes (CVE-2026-34042)",
}

// stores are the actions that need GitHub's storage, with all in their folders.
var stores = []string{
	"actions/cache", "actions/upload-artifact", "actions/download-artifact", "actions/upload-pages-artifact", "actions/deploy-pages",
}

func (j *judge) artifact(u use, repo string) bool {
	if !slices.ContainsFunc(stores, func(s string) bool { return strings.EqualFold(s, repo) }) {
		return false
	}
	j.refuse(&ruleArtifact, u.place, "%s of job %s needs GitHub's storage, which is not there", show(u.text), showName(u.job))
	return true
}
