package home

import (
	"regexp"

	"github.com/rhysd/actionlint"
)

// plainName is how GitHub wants job ids; one like that needs no quotes.
var plainName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_-]{0,59}\z`)

func jobName(job *actionlint.Job) string { return showName(job.ID.Value) }

func showName(s string) string {
	if plainName.MatchString(s) {
		return s
	}
	return show(s)
}
