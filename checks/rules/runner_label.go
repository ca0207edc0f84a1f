package rules

import (
	"strings"

	"github.com/redundancy-app/redundancy/config"
)

// runnerLabel shortens what actionlint says about a label that GitHub's own
// runners do not have: it lists the 30 that they have. Labels of other
// runners cannot be known from the files, so this stays a warning.
func runnerLabel(_ source, found []config.Finding) []config.Finding {
	for i := range found {
		f := &found[i]
		if head, _, ok := strings.Cut(f.Message, " is unknown. available labels are "); ok && f.Rule == "runner-label" {
			f.Message = head + " is on none of GitHub's own runners; without a runner of your own that has it the job waits for a day and fails"
			f.Fix = "correct the label, or, if such a runner exists, list its name under validate.ignore in .github/redundancy.yml"
		}
	}
	return found
}
